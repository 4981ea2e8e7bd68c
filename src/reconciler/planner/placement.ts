/** Decides where a container may run and where it runs best, with the explanation of the decision, or of a refusal. Pure. */

import TinyQueue from 'tinyqueue';
import { type Candidates, explanationNamesMax, type FilteredNodes } from '../../events/schema/catalog.ts';
import type { ContainerSpec } from '../../model/service.ts';
import type { ClusterView, ContainerView, NodeView } from '../../projections/view/cluster-view.ts';
import { engineOfNode } from '../../projections/view/engines.ts';
import { engineWithout, type Rejection, rejectionOf, type Site } from './placement-filters.ts';
import { createRejections } from './rejections.ts';
import { countContainer, type Reservations, reserve } from './reservations.ts';

export type Placement = { node: NodeView; candidates: Candidates; filtered: FilteredNodes };

/** Of nodes that fail to start what others start. */
export const suspectFilter = 'suspect';

/** Places one service's containers one after the other. */
export type Placer = {
  /**
   * The best node for the next container, reserved; or why there is none.
   * @param avoided nodes with the reason, the latest first: only when no other will do
   */
  place(avoided?: ReadonlyMap<string, Rejection>): Placement | { node: null; filtered: FilteredNodes };
  /**
   * Is there room for one more once these are gone: on the node of one of them, or on any that has it now? The room is
   * kept from the service's other containers; another service may still take it.
   */
  reserve(leaving: readonly ContainerView[]): { isReserved: true } | { isReserved: false; filtered: FilteredNodes };
};

export type PlacerOptions = {
  /** How many containers of its present spec the service has on a node now. */
  replicasOnNode: (node: string) => number;
  isSilent: (node: NodeView) => boolean;
  reservations: Reservations;
};

type Candidate = { node: NodeView; replicasOfService: number; containers: number; order: number };

/** Fewest replicas of the service, then fewest containers, then the order of registration. */
const byLoad = (a: Candidate, b: Candidate) =>
  a.replicasOfService - b.replicasOfService || a.containers - b.containers || a.order - b.order;

/**
 * Looks at every node once; each placement after that costs the logarithm of their number. Pure, but for the
 * reservations it adds to.
 */
export function createPlacer(
  view: ClusterView,
  spec: ContainerSpec,
  { replicasOnNode, isSilent, reservations }: PlacerOptions,
): Placer {
  const rejections = createRejections();
  const promised: Reservations['byEngine'] = new Map();

  const engineOf = (node: NodeView) => engineOfNode(view, node);

  const siteOf = (node: NodeView): Site => {
    const engine = engineOf(node);
    const reserved = [reservations.byEngine, promised].flatMap((byEngine) => byEngine.get(engine.engineId) ?? []);
    return { node, engine, reserved, isSilent: isSilent(node) };
  };

  const isFit = (node: NodeView): boolean => {
    const rejection = rejectionOf(siteOf(node), spec);
    if (rejection) rejections.note(node.id, rejection);
    return rejection === null;
  };

  const queue = new TinyQueue(findCandidates(view, { isFit, replicasOnNode, reservations }), byLoad);

  /** The best candidates that still pass: what was placed before may have filled an engine. Those that are avoided come on top. */
  const takeBest = (avoided: ReadonlyMap<string, Rejection>): { best: Candidate[]; avoided: Candidate[] } => {
    const taken = { best: [] as Candidate[], avoided: [] as Candidate[] };
    while (taken.best.length < explanationNamesMax) {
      const candidate = queue.pop();
      if (!candidate) break;
      if (!isFit(candidate.node)) continue;
      (avoided.has(candidate.node.id) ? taken.avoided : taken.best).push(candidate);
    }
    return taken;
  };

  /** Would its node take one more if it were gone? If not, that is why the node will not do: not that it is there. */
  const isInTheWay = (container: ContainerView): boolean => {
    const node = view.nodes.get(container.node);
    if (!node || node.engine.engineId !== container.engineId) return false;
    const site = siteOf(node);
    const rejection = rejectionOf({ ...site, engine: engineWithout(site.engine, container) }, spec);
    if (rejection && rejections.has(node.id)) rejections.note(node.id, rejection);
    return rejection === null;
  };

  return {
    place(avoided = noneAvoided) {
      const taken = takeBest(avoided);
      const ranked = taken.best.length > 0 ? taken.best : leastAvoided(taken.avoided, avoided);
      const [chosen] = ranked;
      if (!chosen) return { node: null, filtered: rejections.explain() };
      const candidates = ranked.map(toExplained);
      const filtered = [
        ...rejections.explain(),
        ...(taken.best.length > 0 ? explainAvoided(taken.avoided, avoided) : []),
      ];
      countContainer(reservations, chosen.node.id);
      reserve(reservations.byEngine, engineOf(chosen.node).engineId, spec);
      chosen.replicasOfService += 1;
      chosen.containers += 1;
      for (const candidate of [...taken.best, ...taken.avoided]) queue.push(candidate);
      return { node: chosen.node, candidates, filtered };
    },
    reserve(leaving) {
      const swapped = leaving.find(isInTheWay);
      if (swapped) {
        reserve(promised, engineOf(view.nodes.get(swapped.node)!).engineId, spec, swapped.spec);
        return { isReserved: true };
      }
      const { best } = takeBest(noneAvoided);
      const [chosen] = best;
      if (!chosen) return { isReserved: false, filtered: rejections.explain() };
      reserve(promised, engineOf(chosen.node).engineId, spec);
      for (const candidate of best) queue.push(candidate);
      return { isReserved: true };
    },
  };
}

const toExplained = ({ node, replicasOfService, containers }: Candidate): Candidates[number] => ({
  node: node.id,
  replicasOfService,
  containers,
});

function findCandidates(
  view: ClusterView,
  { isFit, replicasOnNode, reservations }: { isFit: (node: NodeView) => boolean } & Omit<PlacerOptions, 'isSilent'>,
): Candidate[] {
  const candidates: Candidate[] = [];
  let order = 0;
  for (const node of view.nodes.values()) {
    order += 1;
    if (!isFit(node)) continue;
    const containers = node.containers.size + (reservations.containersByNode.get(node.id) ?? 0);
    candidates.push({ node, replicasOfService: replicasOnNode(node.id), containers, order });
  }
  return candidates;
}

/** Suspects last and by their load, the others by the age of their reason. */
function leastAvoided(candidates: readonly Candidate[], avoided: ReadonlyMap<string, Rejection>): Candidate[] {
  const order = [...avoided].filter(([, { filter }]) => filter !== suspectFilter).map(([id]) => id);
  return candidates.toSorted((a, b) => order.indexOf(b.node.id) - order.indexOf(a.node.id));
}

function explainAvoided(candidates: readonly Candidate[], avoided: ReadonlyMap<string, Rejection>): FilteredNodes {
  const rejections = createRejections();
  for (const { node } of candidates) rejections.note(node.id, avoided.get(node.id)!);
  return rejections.explain();
}

const noneAvoided: ReadonlyMap<string, Rejection> = new Map();
