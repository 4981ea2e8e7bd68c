/** Which slots of a service are wanted, and what becomes of those that are not. */

import type { ClusterView, ServiceView } from './cluster-view.ts';
import { isOfRun } from './job-runs.ts';
import { isSlotOfUnwantedNode } from './node-slots.ts';
import type { SlotView } from './slot-view.ts';

/** Nothing should run in it. Pure. */
export function isSurplusSlot(view: ClusterView, service: ServiceView, slot: number): boolean {
  const { removing, job, nodeOfSlot, replicas } = service;
  if (removing) return true;
  if (nodeOfSlot) return isSlotOfUnwantedNode(view, service, slot);
  if (job) return !job.runs.some((run) => run.state === 'running' && isOfRun(run, slot));
  return slot > replicas;
}

/**
 * A surplus slot leaves when its last container has; its delay goes at once. That of a node stays: the node may come back, and
 * what ended in it last names its next container.
 */
export function dropSurplusSlot(view: ClusterView, service: ServiceView, slot: SlotView): void {
  if (!isSurplusSlot(view, service, slot.slot)) return;
  setDelay(view, service, slot, null);
  if (slot.containers.size === 0 && !service.nodeOfSlot) service.slots.delete(slot.slot);
}

export function setDelay(view: ClusterView, service: ServiceView, slot: SlotView, untilMs: number | null): void {
  if (slot.delayedUntilMs === untilMs) return;
  slot.delayedUntilMs = untilMs;
  const delayed = view.delayed.get(service.name);
  if (untilMs !== null) {
    if (delayed) delayed.add(slot.slot);
    else view.delayed.set(service.name, new Set([slot.slot]));
  } else if (delayed?.delete(slot.slot) && delayed.size === 0) {
    view.delayed.delete(service.name);
  }
}
