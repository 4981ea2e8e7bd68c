/** Nodes that would do for a slot and are used last, with the reason: what failed there before is likely to fail again. Pure. */

import { explanationNamesMax } from '../../events/schema/catalog.ts';
import type { ClusterView, NodeView } from '../../projections/view/cluster-view.ts';
import { suspectFilter } from './placement.ts';
import type { Rejection } from './placement-filters.ts';
import type { SlotStatus } from './slot-status.ts';

const isSuspect: Rejection = { filter: suspectFilter, reason: 'the node failed to start what others start' };

const isLeft: Rejection = { filter: 'rebalance', reason: 'the replica is to move away from it' };

const avoidedFor: Partial<Record<string, string>> = {
  'queue timeout': 'a container of the slot reached its queue time-out there',
  'start error': 'a container of the slot could not be started there',
};

/** Nodes that start nothing, and those that did not take or start the slot's last containers, the latest first. */
export function avoidedNodes(
  view: ClusterView,
  { view: slot, outdated }: SlotStatus,
  suspects: readonly NodeView[],
): ReadonlyMap<string, Rejection> {
  const avoided = new Map(suspects.map(({ id }) => [id, isSuspect]));
  for (const { node, move } of outdated) if (move) avoided.set(node, isLeft);
  let ended = view.containers.get(slot?.lastEnded?.container ?? '');
  for (let count = 0; ended && count < explanationNamesMax; count += 1) {
    const reason = avoidedFor[ended.reason ?? ''];
    if (reason === undefined) break;
    if (!avoided.has(ended.node)) avoided.set(ended.node, { filter: ended.reason!, reason });
    ended = view.containers.get(ended.replaces ?? '');
  }
  return avoided;
}
