/**
 * Owns what one service's slots need. Pure. Every slot is in one of these sets:
 *
 * | slot | has | step |
 * |---|---|---|
 * | surplus | a number above `replicas`, or the service is being removed | stop what runs in it |
 * | empty | nothing wanted | queue a container; or wait, when it failed again and again |
 * | outdated | only containers of another spec, or on a draining node | queue a replacement beside it; or stop it first, when it holds what its replacement needs; or leave it, when no node has room |
 * | settled | a container of the present spec that runs | stop what else is in it |
 */

import type { ClusterView, ServiceView } from '../../projections/view/cluster-view.ts';
import { blockPlacement, delayRestart, removeService, replaceContainer, stopContainer } from './service-steps.ts';
import { createSlotQueue, type QueuePass, type SlotQueue } from './slot-placement.ts';
import { isStoppedOnly, leftovers, readSlot, type SlotNeed, serves } from './slot-status.ts';
import type { Step } from './step.ts';

/** Replicas that are replaced at the same time: a quarter, at least one. Also how far a replacement may exceed `replicas`. */
export const surgeOf = (replicas: number) => Math.max(1, Math.floor(replicas / 4));

export function planService(view: ClusterView, service: ServiceView, pass: QueuePass): Step[] {
  const replicas = service.removing ? 0 : service.replicas;
  const stops = stopSurplus(view, service, replicas);
  if (service.removing) return hasContainers(service) ? stops : [...stops, removeService(service)];

  const needs = Array.from({ length: replicas }, (_, index) => readSlot(view, service, index + 1));
  const queue = createSlotQueue(view, service, pass);
  for (const need of needs) if (isToFill(need, service)) fill(need, queue);
  const swaps = swapOutdated(view, service, needs, queue);
  return [
    ...stops,
    ...needs.flatMap(leftovers).map((container) => replaceContainer(view, service, container)),
    ...swaps,
    ...queue.steps,
    ...blockPlacement(service, queue.lacking, queue.filtered(), queue.steps.length > 0),
    ...queue.undecided.flatMap((need) => delayRestart(service, need, pass.nowMs)),
  ];
}

function hasContainers(service: ServiceView): boolean {
  for (const slot of service.slots.values()) if (slot.containers.size > 0) return true;
  return false;
}

function stopSurplus(view: ClusterView, service: ServiceView, replicas: number): Step[] {
  const reason = service.removing ? 'service removed' : 'scaled down';
  const steps: Step[] = [];
  for (const slot of service.slots.values()) {
    if (slot.slot <= replicas) continue;
    for (const id of slot.containers) {
      const container = view.containers.get(id);
      if (container && container.state !== 'stopping')
        steps.push(stopContainer(service, container, reason, service.specEvent));
    }
  }
  return steps;
}

/** A container with a host port holds it until it is gone: its successor would only be blocked by it. */
const hasHostPort = (service: ServiceView) => service.spec.ports.some(({ host }) => host !== null);

/** Nothing that is wanted runs in it; where a host port is held by what is still stopping, it waits. */
function isToFill({ current, outdated, stopping, kept }: SlotNeed, service: ServiceView): boolean {
  if (hasHostPort(service)) return current.length + outdated.length + stopping.length === 0;
  return current.length === 0 && kept.length === 0;
}

function fill(need: SlotNeed, queue: SlotQueue): void {
  // What is stopping may hold the memory that its successor needs; its end is looked at.
  if (queue.place(need) === 'no node' && need.stopping.length === 0) queue.lacking.push(need);
}

/**
 * Replaces outdated slots: beside the old container with never more wanted than `replicas` and the surge, or after it
 * with never more of them down than the surge, and only where its end gives its replacement a node. What no node has
 * room for was not taken down by an update: it does not count, or an update would wait for it for ever.
 * @returns the stops; what is queued is in the queue
 */
function swapOutdated(view: ClusterView, service: ServiceView, needs: SlotNeed[], queue: SlotQueue): Step[] {
  const outdated = needs.filter(({ current, kept }) => kept.length > 0 && current.length === 0);
  if (outdated.length === 0) return [];
  const surge = surgeOf(service.replicas);
  const lacking = new Set(queue.lacking);
  const down = needs.filter((need) => !serves(need) && !lacking.has(need)).length;
  const wanted = needs.reduce((sum, { kept }) => sum + Math.max(1, kept.length), 0);
  const isStopFirst = hasHostPort(service);
  const mayBeStopped = isStopFirst || !isRoomComing(service, needs);
  let mayStop = mayBeStopped ? Math.max(0, surge - down) : 0;
  let mayTry = Math.max(0, service.replicas + surge - wanted);

  // Those stopped before come first to the room they were stopped for.
  for (const need of needs) if (isStoppedOnly(need)) queue.promise(need);
  const steps: Step[] = [];
  for (const need of outdated) {
    if (!isStopFirst) {
      if (mayTry === 0) break;
      // One that waits counts too: a spec that fails is tried on no more slots than the surge.
      if (queue.place(need) !== 'no node') {
        mayTry -= 1;
        continue;
      }
    }
    // Promised also to those whose turn has not come, so that what is said to be blocked stays the same meanwhile.
    if (!queue.promise(need)) queue.lacking.push(need);
    else if (mayStop > 0) {
      mayStop -= 1;
      steps.push(...need.kept.map((container) => replaceContainer(view, service, container)));
    }
  }
  return steps;
}

/** Something of the service is on its way out: whoever has no room beside the old may have it then. */
function isRoomComing(service: ServiceView, needs: readonly SlotNeed[]): boolean {
  for (const { slot, containers } of service.slots.values()) {
    if (slot > service.replicas && containers.size > 0) return true;
  }
  return needs.some((need) => need.stopping.length + leftovers(need).length > 0);
}
