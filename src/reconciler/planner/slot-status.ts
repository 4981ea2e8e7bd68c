/** Reads what a slot has from the view. Pure; it plans nothing. */

import { unmetConstraint } from '../../model/placement.ts';
import { restartPolicyDefault } from '../../model/policy.ts';
import { restartDelayMs } from '../../model/restart-delay.ts';
import type { ClusterView, ContainerView, ServiceView, SpecVersion } from '../../projections/view/cluster-view.ts';
import { servesAt } from '../../projections/view/rollouts.ts';
import type { SlotView } from '../../projections/view/slot-view.ts';

export type SlotStatus = {
  slot: number;
  /** The spec it should run: the present one, or while its rollout is held the one before it. */
  target: SpecVersion;
  /** Of that spec, and nothing wants it to leave: not terminal, not stopping. */
  current: ContainerView[];
  /** Of another spec, or to leave for another reason. */
  outdated: ContainerView[];
  /** On their way out. */
  stopping: ContainerView[];
  /** One present container, and an outdated one for as long as it alone serves. */
  kept: ContainerView[];
  /** One of those that are kept serves. */
  serves: boolean;
  view: SlotView | undefined;
};

export type SlotSource = {
  view: ClusterView;
  service: ServiceView;
  nowMs: number;
  /** The rollout does not go on: slots it has not reached keep the spec they have. */
  isHeld: boolean;
};

export function readSlot(source: SlotSource, slot: number): SlotStatus {
  const { view, service, nowMs } = source;
  const slotView = service.slots.get(slot);
  const containers = [...(slotView?.containers ?? [])].flatMap((id) => view.containers.get(id) ?? []);
  const target = source.isHeld ? heldTarget(source, slotView, containers) : service;
  const status: SlotStatus = {
    ...{ slot, target, view: slotView, serves: false },
    ...{ current: [], outdated: [], stopping: [], kept: [] },
  };
  for (const container of containers) {
    if (container.state === 'stopping') status.stopping.push(container);
    else if (container.specHash !== target.specHash || mustLeave(view, service, container))
      status.outdated.push(container);
    else status.current.push(container);
  }
  const serves = (container: ContainerView) => servesAt(service, container, nowMs);
  status.kept = keepOf(status, serves);
  status.serves = status.kept.some(serves);
  return status;
}

/** Why a container has to go whatever becomes of a rollout; null: it may stay. */
export function reasonToLeave(
  view: ClusterView,
  { policy }: ServiceView,
  { node: id, health, move }: ContainerView,
): 'unhealthy' | 'node draining' | 'constraint not met' | 'rebalanced' | null {
  const node = view.nodes.get(id);
  if (node?.availability === 'draining') return 'node draining';
  if (health === 'unhealthy') return 'unhealthy';
  if (node && unmetConstraint(node, policy.placement)) return 'constraint not met';
  return move === null ? null : 'rebalanced';
}

export const mustLeave = (view: ClusterView, service: ServiceView, container: ContainerView): boolean =>
  reasonToLeave(view, service, container) !== null;

/** It goes for the sake of balance alone: never before its successor serves. */
export const isMove = (view: ClusterView, service: ServiceView, { kept }: SlotStatus): boolean =>
  kept.length > 0 && kept.every((container) => reasonToLeave(view, service, container) === 'rebalanced');

/** Where the rollout has come its spec stays, unless it is what failed; elsewhere the spec before it. */
function heldTarget(
  { view, service }: SlotSource,
  slot: SlotView | undefined,
  containers: readonly ContainerView[],
): SpecVersion {
  const { previous, rollout } = service;
  if (!previous) return service;
  const live = containers.filter(({ state }) => state !== 'stopping');
  if (live.some((container) => container.specHash === service.specHash && !mustLeave(view, service, container)))
    return service;
  if (live.length > 0 || rollout?.state === 'failed' || rollout?.pause !== 'canary') return previous;
  return view.containers.get(slot?.lastEnded?.container ?? '')?.specHash === service.specHash ? service : previous;
}

function keepOf({ current, outdated }: SlotStatus, serves: (container: ContainerView) => boolean): ContainerView[] {
  const present = current.find(serves) ?? current.find(isRunning) ?? current[0];
  const stopgap = present && serves(present) ? undefined : (outdated.find(serves) ?? outdated.find(isRunning));
  return [present, stopgap].filter((container) => container !== undefined);
}

const isRunning = ({ state }: ContainerView) => state === 'running';

/** Nothing in it is kept, and something is on its way out. */
export const isStoppedOnly = ({ kept, stopping }: SlotStatus) => kept.length === 0 && stopping.length > 0;

/** Neither stopping nor kept. */
export const leftovers = ({ current, outdated, kept }: SlotStatus) =>
  [...current, ...outdated].filter((container) => !kept.includes(container));

/**
 * `due`: now; `waiting`: for its delay; `undecided`: it failed again and no delay is written yet; `done`: its restart
 * policy wants no more of it.
 */
export function restartWait(
  { policy }: ServiceView,
  { view, target }: SlotStatus,
  nowMs: number,
): 'due' | 'waiting' | 'undecided' | 'done' {
  if (!view?.lastEnded) return 'due';
  const restart = policy.restart ?? restartPolicyDefault;
  if (view.done === target.specHash) return 'done';
  if (view.failedSpec !== target.specHash) return 'due';
  if (restart.maxAttempts !== null && view.failures > restart.maxAttempts) return 'done';
  if (view.delayedUntilMs !== null) return view.delayedUntilMs <= nowMs ? 'due' : 'waiting';
  // An end that says nothing about the spec, as of a lost node, is no reason to wait, whatever failed before it.
  if (view.lastFailure?.container !== view.lastEnded.container) return 'due';
  return restartDelayMs(view.failures, view.lastEnded.container, restart) === 0 ? 'due' : 'undecided';
}
