/** Finds nodes for the slots of one service, those first that have not failed it. Pure, but for the reservations of the round. */

import type { FilteredNodes } from '../../events/schema/catalog.ts';
import type { ClusterView, NodeView, ServiceView } from '../../projections/view/cluster-view.ts';
import { avoidedNodes } from './avoided-nodes.ts';
import { createPlacer, type Placement, type Placer } from './placement.ts';
import type { PlanRound } from './plan-round.ts';
import { restartWait, type SlotStatus } from './slot-status.ts';

type Found =
  | { kind: 'placed'; placement: Placement }
  | { kind: 'no node' }
  /** It failed again and again: a delay is recorded (`waiting`) or has to be (`undecided`). */
  | { kind: 'waiting' }
  | { kind: 'undecided' }
  /** Its restart policy wants no more of it. */
  | { kind: 'done' };

export type NodeSearch = {
  find(slot: SlotStatus): Found;
  /** Will it have a node once its containers are gone? The room is reserved for it then. */
  reserve(slot: SlotStatus): boolean;
  /** Why the last slot without a node has none. */
  filtered(): FilteredNodes;
};

export function createNodeSearch(
  view: ClusterView,
  service: ServiceView,
  { round, replicasOnNode }: { round: PlanRound; replicasOnNode: (node: string) => number },
): NodeSearch {
  const placed = new Set<number>();
  let filtered: FilteredNodes = [];
  let suspects: NodeView[] | undefined;
  const findSuspects = () => {
    suspects ??= [...view.nodes.values()].filter(({ suspect }) => suspect !== null);
    return suspects;
  };
  /** By hash of the spec: two while a rollout is held. */
  const placers = new Map<string, Placer>();
  /** It looks at every node, and most rounds place nothing. */
  const openPlacer = ({ target: { spec, specHash } }: SlotStatus) => {
    const known = placers.get(specHash);
    if (known) return known;
    const placer = createPlacer(view, spec, { ...round, policy: service.policy.placement, replicasOnNode });
    placers.set(specHash, placer);
    return placer;
  };
  return {
    find(slot) {
      const wait = restartWait(service, slot, round.nowMs);
      if (wait !== 'due') return { kind: wait };
      const result = openPlacer(slot).place(avoidedNodes(view, slot, findSuspects()));
      if (!result.node) {
        filtered = result.filtered;
        return { kind: 'no node' };
      }
      placed.add(slot.slot);
      return { kind: 'placed', placement: result };
    },
    reserve(slot) {
      if (placed.has(slot.slot)) return true;
      const result = openPlacer(slot).reserve([...slot.kept, ...slot.stopping]);
      if (!result.isReserved) filtered = result.filtered;
      return result.isReserved;
    },
    filtered: () => filtered,
  };
}
