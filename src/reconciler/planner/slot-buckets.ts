/**
 * Sorts the slots of one service by what has to be done about them. Pure: a view in, buckets out; the steps are made
 * from the buckets elsewhere.
 *
 * | slot | has | bucket |
 * |---|---|---|
 * | surplus | a number above `replicas`, a node that a global service should not be on, or the service is being removed | stop |
 * | empty | no container that is kept | place; blocked, without a node; delay, when it failed again and again |
 * | outdated | only containers of another spec, or on a draining node | place, beside the old one; or replace, when the new one has to follow it; or blocked, without a node |
 * | settled | a container of the present spec that runs | replace, what else is in it |
 */

import type { FilteredNodes } from '../../events/schema/catalog.ts';
import { amountOf, updatePolicyDefault } from '../../model/policy.ts';
import type { ClusterView, ContainerView, ServiceView } from '../../projections/view/cluster-view.ts';
import { wantedSlotNodes } from '../../projections/view/node-slots.ts';
import { isSurplusSlot } from '../../projections/view/slots.ts';
import { createNodeSearch, type NodeSearch } from './node-search.ts';
import { createOwnNodeSearch } from './own-node-search.ts';
import type { Placement } from './placement.ts';
import { delayEndMs } from './plan-rollout.ts';
import type { PlanRound } from './plan-round.ts';
import { isMove, isStoppedOnly, leftovers, mustLeave, readSlot, type SlotStatus } from './slot-status.ts';

export type SlotBuckets = {
  /** Containers of surplus slots. */
  stop: ContainerView[];
  /** Containers of the service's slots whose successor runs, or has a node to run on once they are gone. */
  replace: ContainerView[];
  place: { slot: SlotStatus; placement: Placement }[];
  /** Slots without a node. */
  blocked: SlotStatus[];
  /** Why the last of them has none. */
  filtered: FilteredNodes;
  /** Slots whose restart has to wait, and for which no delay is recorded yet. */
  delay: SlotStatus[];
};

/** How many more than the replicas may be wanted during an update, or how many may be down for it: at least one. */
export const parallelismOf = ({ policy, replicas }: Pick<ServiceView, 'policy' | 'replicas'>): number =>
  Math.max(1, amountOf((policy.update ?? updatePolicyDefault).parallelism, replicas));

/** @param isHeld the service's rollout does not go on */
export function computeSlots(view: ClusterView, service: ServiceView, round: PlanRound, isHeld: boolean): SlotBuckets {
  const replicas = service.removing ? 0 : service.replicas;
  const source = { view, service, nowMs: round.nowMs, isHeld };
  const nodeOfSlot = service.nodeOfSlot && !service.removing ? wantedSlotNodes(view, service) : null;
  const numbers = nodeOfSlot ? [...nodeOfSlot.keys()] : Array.from({ length: replicas }, (_, index) => index + 1);
  const slots = numbers.map((number) => readSlot(source, number));
  trimSurge(service, slots);
  const nodes = nodeOfSlot
    ? createOwnNodeSearch(view, service, { round, nodes: nodeOfSlot })
    : createNodeSearch(view, service, { round, replicasOnNode: countCurrent(slots) });
  const filled = fillEmpty(slots, service, nodes);
  const update = updateOutdated(view, slots, service, { nodes, filled, isHeld, nowMs: round.nowMs });
  return {
    stop: surplusContainers(view, service),
    replace: [...slots.flatMap(leftovers), ...update.replace],
    place: [...filled.place, ...update.place],
    blocked: [...filled.blocked, ...update.blocked],
    filtered: nodes.filtered(),
    delay: [...filled.delay, ...update.delay],
  };
}

/** Fewer replicas allow a smaller surge: new containers that do not serve yet give way to the old ones beside them. */
function trimSurge({ replicas, policy }: ServiceView, slots: readonly SlotStatus[]): void {
  let excess = countKept(slots) - replicas - parallelismOf({ replicas, policy });
  for (const slot of slots) {
    if (excess <= 0) return;
    if (slot.kept.length < 2) continue;
    slot.kept = slot.kept.slice(1);
    excess -= 1;
  }
}

function surplusContainers(view: ClusterView, service: ServiceView): ContainerView[] {
  return (
    [...service.slots.values()]
      .filter(({ slot }) => isSurplusSlot(view, service, slot))
      .flatMap(({ containers }) => [...containers].map((id) => view.containers.get(id)!))
      .filter(({ state }) => state !== 'stopping')
      // What was on a lost node has failed with it.
      .filter(({ node }) => !service.nodeOfSlot || view.nodes.get(node)?.state === 'ready')
  );
}

type Filled = Pick<SlotBuckets, 'place' | 'blocked' | 'delay'>;

const noneFilled = (): Filled => ({ place: [], blocked: [], delay: [] });

function fillEmpty(slots: readonly SlotStatus[], service: ServiceView, nodes: NodeSearch): Filled {
  const filled = noneFilled();
  for (const slot of slots) {
    if (!isEmpty(slot, service)) continue;
    const found = nodes.find(slot);
    if (found.kind === 'placed') filled.place.push({ slot, placement: found.placement });
    if (found.kind === 'undecided') filled.delay.push(slot);
    // What is stopping may hold the memory that its successor needs; the slot is evaluated again when it has ended.
    if (found.kind === 'no node' && slot.stopping.length === 0) filled.blocked.push(slot);
  }
  return filled;
}

/**
 * A container with a host port holds it until it is gone: its successor would only be blocked by it. A global service has one
 * container on a node, not two for the time of an update.
 */
const isOneAtATime = ({ spec, nodeOfSlot }: ServiceView) =>
  nodeOfSlot !== null || spec.ports.some(({ host }) => host !== null);

/** Nothing that is kept is in it; where what is still stopping has to be gone first, it waits. */
function isEmpty({ current, outdated, stopping, kept }: SlotStatus, service: ServiceView): boolean {
  if (isOneAtATime(service)) return current.length + outdated.length + stopping.length === 0;
  return current.length === 0 && kept.length === 0;
}

/**
 * The rolling update. Replaces outdated slots: beside the old container with never more wanted than `replicas` and the
 * surge, or after it with never more of them down than may be, and only where its end gives its replacement a node. What
 * no node has room for was not taken down by an update: it does not count, or an update would wait for it for ever.
 */
function updateOutdated(
  view: ClusterView,
  slots: readonly SlotStatus[],
  service: ServiceView,
  { nodes, filled, isHeld, nowMs }: { nodes: NodeSearch; filled: Filled; isHeld: boolean; nowMs: number },
): Filled & Pick<SlotBuckets, 'replace'> {
  const update = { ...noneFilled(), replace: [] as ContainerView[] };
  const { order } = service.policy.update ?? updatePolicyDefault;
  const isReached = createReach(view, service, slots, { isHeld, nowMs });
  const outdated = slots.filter((slot) => slot.kept.length > 0 && slot.current.length === 0 && isReached(slot));
  if (outdated.length === 0) return update;
  const isStopFirst = isOneAtATime(service) || order === 'stop-first';
  const mayStop = isStopFirst || (order === 'auto' && !isRoomComing(view, service, slots));
  let stopsLeft = mayStop ? parallelismOf(service) - countDown(slots, filled) : 0;
  // While one that has just begun to run does not serve, one that serves may have to stay.
  let servingStopsLeft = stopsLeft - slots.filter(isUnproven).length;
  let surgeLeft = service.replicas + parallelismOf(service) - countKept(slots);

  // Slots whose container was stopped before have the room first that it was stopped for.
  for (const slot of slots) if (isStoppedOnly(slot)) nodes.reserve(slot);
  for (const slot of outdated) {
    const isMoving = isMove(view, service, slot);
    if (!isStopFirst || isMoving) {
      if (surgeLeft <= 0) break;
      const found = nodes.find(slot);
      if (found.kind === 'placed') update.place.push({ slot, placement: found.placement });
      if (found.kind === 'undecided') update.delay.push(slot);
      if (found.kind === 'no node' && isMoving) continue;
      if (found.kind === 'no node' && order === 'start-first') {
        update.blocked.push(slot);
        continue;
      }
      if (found.kind !== 'no node') {
        // One that waits counts too: a spec that fails is tried on no more slots than the surge.
        surgeLeft -= 1;
        continue;
      }
    }
    // Reserved also for those that are not stopped yet, so that what is reported to be blocked stays the same meanwhile.
    if (!nodes.reserve(slot)) update.blocked.push(slot);
    else if (!isUp(slot) || (stopsLeft > 0 && (!slot.serves || servingStopsLeft > 0))) {
      if (isUp(slot)) stopsLeft -= 1;
      if (slot.serves) servingStopsLeft -= 1;
      update.replace.push(...slot.kept);
    }
  }
  return update;
}

/** Its end would take something away: it runs, and may serve yet. */
const isUp = ({ kept }: SlotStatus): boolean =>
  kept.some(({ state, health }) => state === 'running' && health !== 'unhealthy');

/** An old container has just begun to run: it counts as up, but does not serve yet. */
const isUnproven = (slot: SlotStatus): boolean => slot.current.length === 0 && isUp(slot) && !slot.serves;

/**
 * Which outdated slots an update may come to now: none while it is held, no more than its canaries before it is promoted,
 * none within its delay. What must leave in any case does not wait.
 */
function createReach(
  view: ClusterView,
  service: ServiceView,
  slots: readonly SlotStatus[],
  { isHeld, nowMs }: { isHeld: boolean; nowMs: number },
): (slot: SlotStatus) => boolean {
  const { policy, rollout, isRollback } = service;
  const { canary } = policy.update ?? updatePolicyDefault;
  const updated = slots.filter(({ current }) => current.length > 0).length;
  const isDelayed = rollout !== null && updated > 0 && nowMs < delayEndMs(policy, rollout);
  let left = isHeld || isDelayed ? 0 : Number.POSITIVE_INFINITY;
  if (canary > 0 && rollout && !rollout.isPromoted && !isRollback) left = Math.min(left, canary - updated);
  return ({ kept }) => {
    if (kept.every((container) => mustLeave(view, service, container))) return true;
    left -= 1;
    return left >= 0;
  };
}

/** A new container has to serve before the next old one goes; an old one that has just begun to run is as good as any. */
const isDown = (slot: SlotStatus): boolean => (slot.current.length > 0 ? !slot.serves : !isUp(slot));

/** Slots that are down, but for those that no node has room for. */
const countDown = (slots: readonly SlotStatus[], { blocked }: Filled): number =>
  slots.filter((slot) => isDown(slot) && !blocked.includes(slot)).length;

/** Containers that stay wanted; a slot without one counts as one. */
const countKept = (slots: readonly SlotStatus[]): number =>
  slots.reduce((sum, { kept }) => sum + Math.max(1, kept.length), 0);

/** Something of the service is on its way out: a slot without room beside the old containers may have it then. */
function isRoomComing(view: ClusterView, service: ServiceView, slots: readonly SlotStatus[]): boolean {
  for (const { slot, containers } of service.slots.values()) {
    if (containers.size > 0 && isSurplusSlot(view, service, slot)) return true;
  }
  return slots.some((slot) => slot.stopping.length + leftovers(slot).length > 0);
}

/** Of each node. What an update will take away is no reason to place elsewhere: it would leave the service uneven. */
function countCurrent(slots: readonly SlotStatus[]): (node: string) => number {
  const counts = new Map<string, number>();
  for (const { current } of slots) for (const { node } of current) counts.set(node, (counts.get(node) ?? 0) + 1);
  return (node) => counts.get(node) ?? 0;
}
