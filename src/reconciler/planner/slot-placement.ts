/** Owns one service's placements in one pass: which slots got a node, which lack one, which have to wait. Pure. */

import { explanationNamesMax, type FilteredNodes } from '../../events/schema/catalog.ts';
import type { ClusterView, NodeView, ServiceView } from '../../projections/view/cluster-view.ts';
import { createPlacer, type Placer, type Reservations } from './placement.ts';
import { queueContainer } from './service-steps.ts';
import { restartWait, type SlotNeed } from './slot-status.ts';
import type { Step } from './step.ts';

export type PlanSettings = {
  /** How long a container may be `in queue` before the agent takes it. */
  queueTimeoutMs: number;
};

export type QueuePass = PlanSettings & {
  nowMs: number;
  reservations: Reservations;
  /** Nothing is placed on it. */
  isSilent: (node: NodeView) => boolean;
};

export type SlotQueue = {
  /** `waits`: it failed again and again, and a delay stands or is to be written. */
  place(need: SlotNeed): 'placed' | 'no node' | 'waits';
  /** Will it have a node once its containers are gone? None of the service's other slots is promised the same room. */
  promise(need: SlotNeed): boolean;
  readonly steps: Step[];
  /** Slots without a node, as their planner judges. */
  readonly lacking: SlotNeed[];
  /** Slots whose delay is to be written. */
  readonly undecided: SlotNeed[];
  /** Why the last that found no node found none. */
  filtered(): FilteredNodes;
};

export function createSlotQueue(view: ClusterView, service: ServiceView, pass: QueuePass): SlotQueue {
  const steps: Step[] = [];
  const undecided: SlotNeed[] = [];
  const placedSlots = new Set<number>();
  let filtered: FilteredNodes = [];
  let placer: Placer | undefined;
  /** It looks at every node, and most passes place nothing. */
  const openPlacer = () => {
    const replicasOnNode = (node: string) => service.perNode.get(node) ?? 0;
    placer ??= createPlacer(view, service.spec, { ...pass, replicasOnNode });
    return placer;
  };
  return {
    steps,
    lacking: [],
    undecided,
    filtered: () => filtered,
    place(need) {
      const wait = restartWait(need, pass.nowMs);
      if (wait === 'undecided') undecided.push(need);
      if (wait !== 'due') return 'waits';
      const placed = openPlacer().place(unresponsiveNodes(view, need));
      if (!placed.node) {
        filtered = placed.filtered;
        return 'no node';
      }
      steps.push(queueContainer(view, service, need, placed, pass));
      placedSlots.add(need.slot);
      return 'placed';
    },
    promise(need) {
      if (placedSlots.has(need.slot)) return true;
      const promised = openPlacer().promise([...need.kept, ...need.stopping]);
      if (!promised.isKept) filtered = promised.filtered;
      return promised.isKept;
    },
  };
}

/** Nodes that did not take the slot's last containers, the latest first. */
function unresponsiveNodes(view: ClusterView, { view: slot }: SlotNeed): string[] {
  const nodes: string[] = [];
  let ended = view.containers.get(slot?.lastEnded?.container ?? '');
  while (ended?.reason === 'queue timeout' && nodes.length < explanationNamesMax) {
    nodes.push(ended.node);
    ended = view.containers.get(ended.replaces ?? '');
  }
  return nodes;
}
