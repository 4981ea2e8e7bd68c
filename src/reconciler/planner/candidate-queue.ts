/**
 * Nodes in the order in which they are tried, best first: those of the domain with the fewest replicas before the others.
 * A placement changes the place of one domain and one node, and costs the logarithm of their numbers.
 */

import TinyQueue from 'tinyqueue';
import type { PlacementPolicy } from '../../model/placement.ts';
import type { NodeView } from '../../projections/view/cluster-view.ts';

export type Candidate = {
  node: NodeView;
  domain: string;
  replicasOfService: number;
  containers: number;
  /** In percent of the engine; 0 unless nodes are packed. */
  usedPercent: number;
  order: number;
};

/** One that is in the queue of domains has a node in its own. */
type Domain = { name: string; replicas: number; nodes: TinyQueue<Candidate>; order: number };

export type CandidateQueue = {
  /** Takes one after the other out, as long as it is asked for. All of them are to be given back, or are gone. */
  takeWhile(isWanted: () => boolean, take: (candidate: Candidate) => void): void;
  giveBack(candidates: readonly Candidate[]): void;
  /** The service has one more in this domain. Before it is given back. */
  countReplica(domain: string): void;
};

/** Fewest replicas of the service, then fewest containers, then the order of registration. */
const byLoad = (a: Candidate, b: Candidate) =>
  a.replicasOfService - b.replicasOfService || a.containers - b.containers || a.order - b.order;

/** The fullest first. */
const byFill = (a: Candidate, b: Candidate) =>
  b.usedPercent - a.usedPercent || b.containers - a.containers || a.order - b.order;

/** @param replicasIn of the service in a domain, also on nodes that are no candidates */
export function createCandidateQueue(
  candidates: readonly Candidate[],
  strategy: PlacementPolicy['strategy'],
  replicasIn: (domain: string) => number,
): CandidateQueue {
  const compare = strategy === 'binpack' ? byFill : byLoad;
  const domains = new Map<string, Domain>();
  for (const [name, members] of Map.groupBy(candidates, ({ domain }) => domain)) {
    const nodes = new TinyQueue(members, compare);
    domains.set(name, { name, replicas: replicasIn(name), nodes, order: domains.size });
  }
  const best = new TinyQueue<Domain>(
    [...domains.values()],
    (a, b) => a.replicas - b.replicas || compare(a.nodes.peek()!, b.nodes.peek()!) || a.order - b.order,
  );
  let opened: Domain[] = [];

  return {
    takeWhile(isWanted, take) {
      while (isWanted()) {
        const domain = best.pop();
        if (!domain) return;
        opened.push(domain);
        while (isWanted() && domain.nodes.length > 0) take(domain.nodes.pop()!);
      }
    },
    giveBack(taken) {
      for (const candidate of taken) domains.get(candidate.domain)!.nodes.push(candidate);
      for (const domain of opened) if (domain.nodes.length > 0) best.push(domain);
      opened = [];
    },
    countReplica(name) {
      domains.get(name)!.replicas += 1;
    },
  };
}
