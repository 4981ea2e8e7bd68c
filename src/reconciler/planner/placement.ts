/** Decides where a container may run and where it runs best, with the explanation of the decision, or of a refusal. Pure. */

import { type Candidates, explanationNamesMax, type FilteredNodes } from '../../events/schema/catalog.ts';
import { type PlacementPolicy, placementDefault } from '../../model/placement.ts';
import type { ContainerSpec } from '../../model/service.ts';
import type { ClusterView, ContainerView, NodeView } from '../../projections/view/cluster-view.ts';
import { engineOfNode } from '../../projections/view/engines.ts';
import { type Candidate, createCandidateQueue } from './candidate-queue.ts';
import { engineWithout, type Rejection, rejectionOf, type Site } from './placement-filters.ts';
import { domainOf, rejectionByBound, rejectionByConstraints, usedPercent } from './placement-rules.ts';
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
  policy: PlacementPolicy | undefined;
  /** How many containers of its present spec the service has on a node now. */
  replicasOnNode: (node: string) => number;
  isSilent: (node: NodeView) => boolean;
  reservations: Reservations;
};

/**
 * Looks at every node once; each placement after that costs the logarithm of their number. Pure, but for the
 * reservations it adds to.
 */
export function createPlacer(
  view: ClusterView,
  spec: ContainerSpec,
  { policy, replicasOnNode, isSilent, reservations }: PlacerOptions,
): Placer {
  const sites = createSites(view, spec, { policy, replicasOnNode, isSilent, reservations });
  const { isFit, rejections, engineOf, percentOf } = sites;
  const { candidates, replicasInDomain } = surveyNodes(view, sites, { policy, replicasOnNode, reservations });
  const { strategy } = policy ?? placementDefault;
  const queue = createCandidateQueue(candidates, strategy, replicasInDomain);

  /** The best candidates that still pass: what was placed before may have filled an engine. Those that are avoided come on top. */
  const takeBest = (avoided: ReadonlyMap<string, Rejection>): { best: Candidate[]; avoided: Candidate[] } => {
    const taken = { best: [] as Candidate[], avoided: [] as Candidate[] };
    const isWanted = () => taken.best.length < explanationNamesMax;
    queue.takeWhile(isWanted, (candidate) => {
      if (!isFit(candidate.node, candidate.replicasOfService)) return;
      (avoided.has(candidate.node.id) ? taken.avoided : taken.best).push(candidate);
    });
    return taken;
  };

  return {
    place(avoided = noneAvoided) {
      const taken = takeBest(avoided);
      const ranked = taken.best.length > 0 ? taken.best : leastAvoided(taken.avoided, avoided);
      const [chosen] = ranked;
      if (!chosen) {
        queue.giveBack([]);
        return { node: null, filtered: rejections.explain() };
      }
      const candidates = ranked.map((candidate) => explainCandidate(candidate, policy));
      const filtered = [
        ...rejections.explain(),
        ...(taken.best.length > 0 ? explainAvoided(taken.avoided, avoided) : []),
      ];
      countContainer(reservations, chosen.node.id);
      reserve(reservations.byEngine, engineOf(chosen.node).engineId, spec);
      chosen.replicasOfService += 1;
      chosen.containers += 1;
      chosen.usedPercent = percentOf(chosen.node);
      queue.countReplica(chosen.domain);
      queue.giveBack([...taken.best, ...taken.avoided]);
      return { node: chosen.node, candidates, filtered };
    },
    reserve(leaving) {
      const swapped = leaving.find(sites.isInTheWay);
      if (swapped) {
        sites.promise(view.nodes.get(swapped.node)!, swapped.spec);
        return { isReserved: true };
      }
      const { best } = takeBest(noneAvoided);
      const [chosen] = best;
      if (chosen) {
        sites.promise(chosen.node);
        chosen.replicasOfService += 1;
      }
      queue.giveBack(best);
      return chosen ? { isReserved: true } : { isReserved: false, filtered: rejections.explain() };
    },
  };
}

type Sites = ReturnType<typeof createSites>;

/** The nodes as one service finds them: which will do, and why the others will not. */
function createSites(
  view: ClusterView,
  spec: ContainerSpec,
  { policy, replicasOnNode, isSilent, reservations }: PlacerOptions,
) {
  const rejections = createRejections();
  /** What containers of the service will need that have no node yet. */
  const promised: Reservations['byEngine'] = new Map();
  const engineOf = (node: NodeView) => engineOfNode(view, node);
  const siteOf = (node: NodeView): Site => {
    const engine = engineOf(node);
    const reserved = [reservations.byEngine, promised].flatMap((byEngine) => byEngine.get(engine.engineId) ?? []);
    return { node, engine, reserved, isSilent: isSilent(node) };
  };
  return {
    rejections,
    engineOf,
    /** Nothing that is placed changes it. */
    meetsConstraints(node: NodeView): boolean {
      const rejection = rejectionByConstraints(node, policy);
      if (rejection) rejections.note(node.id, rejection);
      return rejection === null;
    },
    /** @param replicas of the service that it has */
    isFit(node: NodeView, replicas: number): boolean {
      const rejection = rejectionByBound(policy, replicas) ?? rejectionOf(siteOf(node), spec);
      if (rejection) rejections.note(node.id, rejection);
      return rejection === null;
    },
    /** Would its node take one more if it were gone? If not, that is why the node will not do: not that it is there. */
    isInTheWay(container: ContainerView): boolean {
      const node = view.nodes.get(container.node);
      if (!node || node.engine.engineId !== container.engineId) return false;
      const site = siteOf(node);
      const rejection =
        rejectionByConstraints(node, policy) ??
        rejectionByBound(policy, replicasOnNode(node.id)) ??
        rejectionOf({ ...site, engine: engineWithout(site.engine, container) }, spec);
      if (rejection && rejections.has(node.id)) rejections.note(node.id, rejection);
      return rejection === null;
    },
    /** How full it is; 0 unless nodes are packed. */
    percentOf(node: NodeView): number {
      if (policy?.strategy !== 'binpack') return 0;
      const { engine, reserved } = siteOf(node);
      return usedPercent(node, engine, reserved);
    },
    promise: (node: NodeView, leaving?: ContainerSpec) => reserve(promised, engineOf(node).engineId, spec, leaving),
  };
}

function explainCandidate(candidate: Candidate, policy: PlacementPolicy | undefined): Candidates[number] {
  const { node, domain, replicasOfService, containers, usedPercent: percent } = candidate;
  return {
    ...{ node: node.id, replicasOfService, containers },
    ...(policy?.spread ? { domain } : {}),
    ...(policy?.strategy === 'binpack' ? { usedPercent: percent } : {}),
  };
}

/** One look at every node: which will do, and how many replicas each domain has, also on nodes that will not. */
function surveyNodes(
  view: ClusterView,
  { meetsConstraints, isFit, percentOf }: Sites,
  { policy, replicasOnNode, reservations }: Omit<PlacerOptions, 'isSilent'>,
): { candidates: Candidate[]; replicasInDomain: (domain: string) => number } {
  const candidates: Candidate[] = [];
  const counts = new Map<string, number>();
  let order = 0;
  for (const node of view.nodes.values()) {
    order += 1;
    const [replicasOfService, domain] = [replicasOnNode(node.id), domainOf(node, policy)];
    if (replicasOfService > 0) counts.set(domain, (counts.get(domain) ?? 0) + replicasOfService);
    if (!meetsConstraints(node) || !isFit(node, replicasOfService)) continue;
    const containers = node.containers.size + (reservations.containersByNode.get(node.id) ?? 0);
    candidates.push({ node, domain, replicasOfService, containers, usedPercent: percentOf(node), order });
  }
  return { candidates, replicasInDomain: (domain) => counts.get(domain) ?? 0 };
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
