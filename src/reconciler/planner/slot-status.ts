/** Reads what a slot has from the view. Pure; it plans nothing. */

import type { ClusterView, ContainerView, ServiceView, SlotView } from '../../projections/view/cluster-view.ts';
import { restartDelayMs } from './restart-policy.ts';

export type SlotStatus = {
  slot: number;
  /** Of the present spec, on a node that is not draining: not terminal, not stopping. */
  current: ContainerView[];
  /** Of another spec, or on a draining node. */
  outdated: ContainerView[];
  /** On their way out. */
  stopping: ContainerView[];
  /** One present container, and an outdated one for as long as it alone runs. */
  kept: ContainerView[];
  view: SlotView | undefined;
};

export function readSlot(view: ClusterView, service: ServiceView, slot: number): SlotStatus {
  const slotView = service.slots.get(slot);
  const status: SlotStatus = { slot, current: [], outdated: [], stopping: [], kept: [], view: slotView };
  for (const id of slotView?.containers ?? []) {
    const container = view.containers.get(id);
    if (!container) continue;
    if (container.state === 'stopping') {
      status.stopping.push(container);
      continue;
    }
    const isDraining = view.nodes.get(container.node)?.availability === 'draining';
    const isCurrent = container.specHash === service.specHash && !isDraining;
    (isCurrent ? status.current : status.outdated).push(container);
  }
  status.kept = keepOf(status);
  return status;
}

function keepOf({ current, outdated }: SlotStatus): ContainerView[] {
  const present = current.find(isRunning) ?? current[0];
  const stopgap = present && isRunning(present) ? undefined : outdated.find(isRunning);
  return [present, stopgap].filter((container) => container !== undefined);
}

const isRunning = ({ state }: ContainerView) => state === 'running';

export const serves = ({ kept }: SlotStatus) => kept.some(isRunning);

/** Nothing in it is kept, and something is on its way out. */
export const isStoppedOnly = ({ kept, stopping }: SlotStatus) => kept.length === 0 && stopping.length > 0;

/** Neither stopping nor kept. */
export const leftovers = ({ current, outdated, kept }: SlotStatus) =>
  [...current, ...outdated].filter((container) => !kept.includes(container));

/** `due`: now; `waiting`: for its delay; `undecided`: it failed again and no delay is written yet. */
export function restartWait({ view }: SlotStatus, nowMs: number): 'due' | 'waiting' | 'undecided' {
  if (!view?.lastEnded) return 'due';
  if (view.delayedUntilMs !== null) return view.delayedUntilMs <= nowMs ? 'due' : 'waiting';
  // An end that says nothing about the spec, as of a lost node, is no reason to wait, whatever failed before it.
  if (view.lastFailure?.container !== view.lastEnded.container) return 'due';
  return restartDelayMs(view.failures, view.lastEnded.container) === 0 ? 'due' : 'undecided';
}
