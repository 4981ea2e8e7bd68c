/** Owns what a slot has and lacks, read from the view. Pure; it plans nothing. */

import type { ClusterView, ContainerView, ServiceView, SlotView } from '../../projections/view/cluster-view.ts';
import { restartDelayMs } from './restart-policy.ts';

export type SlotNeed = {
  slot: number;
  /** Wanted containers: not terminal, not stopping. */
  current: ContainerView[];
  /** Of another spec, or on a draining node. */
  outdated: ContainerView[];
  /** Unwanted containers of the slot, still on their way out. */
  stopping: ContainerView[];
  /** One present container, and an outdated one for as long as it alone runs. */
  kept: ContainerView[];
  view: SlotView | undefined;
};

export function readSlot(view: ClusterView, service: ServiceView, slot: number): SlotNeed {
  const slotView = service.slots.get(slot);
  const need: SlotNeed = { slot, current: [], outdated: [], stopping: [], kept: [], view: slotView };
  for (const id of slotView?.containers ?? []) {
    const container = view.containers.get(id);
    if (!container) continue;
    if (container.state === 'stopping') {
      need.stopping.push(container);
      continue;
    }
    const isDraining = view.nodes.get(container.node)?.availability === 'draining';
    const isCurrent = container.specHash === service.specHash && !isDraining;
    (isCurrent ? need.current : need.outdated).push(container);
  }
  need.kept = keepOf(need);
  return need;
}

function keepOf({ current, outdated }: SlotNeed): ContainerView[] {
  const present = current.find(isRunning) ?? current[0];
  const stopgap = present && isRunning(present) ? undefined : outdated.find(isRunning);
  return [present, stopgap].filter((container) => container !== undefined);
}

const isRunning = ({ state }: ContainerView) => state === 'running';

export const serves = ({ kept }: SlotNeed) => kept.some(isRunning);

/** Nothing in it is kept, and something is on its way out. */
export const isStoppedOnly = ({ kept, stopping }: SlotNeed) => kept.length === 0 && stopping.length > 0;

/** Wanted once, and not kept. */
export const leftovers = ({ current, outdated, kept }: SlotNeed) =>
  [...current, ...outdated].filter((container) => !kept.includes(container));

/** `due`: now; `waiting`: a delay stands; `undecided`: it failed again and no delay is written yet. */
export function restartWait({ view }: SlotNeed, nowMs: number): 'due' | 'waiting' | 'undecided' {
  if (!view?.lastEnded) return 'due';
  if (view.delayedUntilMs !== null) return view.delayedUntilMs <= nowMs ? 'due' : 'waiting';
  // An end that says nothing about the spec, as of a lost node, is no reason to wait, whatever failed before it.
  if (view.lastFailure?.container !== view.lastEnded.container) return 'due';
  return restartDelayMs(view.failures, view.lastEnded.container) === 0 ? 'due' : 'undecided';
}
