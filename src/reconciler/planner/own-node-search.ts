/** Finds room for the slots of a global service: each on the node it is for, or nowhere. Pure, but for the reservations of the round. */

import { explanationNamesMax, type FilteredNodes } from '../../events/schema/catalog.ts';
import type { ClusterView, ContainerView, NodeView, ServiceView } from '../../projections/view/cluster-view.ts';
import { engineOfNode } from '../../projections/view/engines.ts';
import type { NodeSearch } from './node-search.ts';
import { engineWithout, type Rejection, rejectionOf, type Site } from './placement-filters.ts';
import type { PlanRound } from './plan-round.ts';
import { createRejections } from './rejections.ts';
import { countContainer, reserve } from './reservations.ts';
import { restartWait, type SlotStatus } from './slot-status.ts';

/** @param nodes by slot */
export function createOwnNodeSearch(
  view: ClusterView,
  service: ServiceView,
  { round, nodes }: { round: PlanRound; nodes: ReadonlyMap<number, NodeView> },
): NodeSearch {
  const { reservations, isSilent, nowMs } = round;
  const rejections = createRejections();

  const rejectOn = (node: NodeView, { spec }: SlotStatus['target'], leaving: readonly ContainerView[]) => {
    const engine = leaving
      .filter(({ engineId }) => engineId === node.engine.engineId)
      .reduce(engineWithout, engineOfNode(view, node));
    const reserved = reservations.byEngine.get(engine.engineId);
    const site: Site = { node, engine, reserved: reserved ? [reserved] : [], isSilent: isSilent(node) };
    return rejectionOf(site, spec);
  };

  /** @returns it has room */
  const note = (node: NodeView, rejection: Rejection | null): boolean => {
    if (rejection) rejections.note(node.id, rejection);
    return rejection === null;
  };

  return {
    find(slot) {
      const wait = restartWait(service, slot, nowMs);
      if (wait !== 'due') return { kind: wait };
      const node = nodes.get(slot.slot)!;
      if (!note(node, rejectOn(node, slot.target, []))) return { kind: 'no node' };
      const containers = node.containers.size + (reservations.containersByNode.get(node.id) ?? 0);
      const candidates = [{ node: node.id, replicasOfService: service.perNode.get(node.id) ?? 0, containers }];
      countContainer(reservations, node.id);
      reserve(reservations.byEngine, node.engine.engineId, slot.target.spec);
      return { kind: 'placed', placement: { node, candidates, filtered: explainOthers(view, node) } };
    },
    reserve(slot) {
      const node = nodes.get(slot.slot)!;
      return note(node, rejectOn(node, slot.target, [...slot.kept, ...slot.stopping]));
    },
    filtered: rejections.explain,
  };
}

function explainOthers(view: ClusterView, own: NodeView): FilteredNodes {
  const count = view.nodes.size - 1;
  if (count === 0) return [];
  const nodes: string[] = [];
  for (const id of view.nodes.keys()) {
    if (nodes.length === explanationNamesMax) break;
    if (id !== own.id) nodes.push(id);
  }
  return [{ filter: 'slot', reason: 'its slot is for one node', count, nodes }];
}
