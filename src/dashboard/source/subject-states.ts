/**
 * The states that a subject went through. Of a service or a node: its facts folded by the fold of managers, and its row read after each;
 * facts of others are left out, for a row changes only by a fact that names its subject, or by one of a node. Pure.
 */

import type { LogEvent } from '../../events/schema/event.ts';
import type { ContainerState } from '../../model/container.ts';
import { nextContainerState } from '../../model/container-machine.ts';
import { nodeReach, reachFacts } from '../../projections/rows/node-row.ts';
import { serviceRow } from '../../projections/rows/service-row.ts';
import type { ClusterView, NodeView, ServiceView } from '../../projections/view/cluster-view.ts';
import { evolve } from '../../projections/view/evolve.ts';
import { nothingTouched } from '../../projections/view/touched.ts';

export type StateSubject = { kind: 'service' | 'node'; id: string };
export type ChartName = 'status' | 'rollout' | 'reach' | 'availability';

/** Of the first, `at` may be later than its beginning: it was so when the facts begin. */
export type Visit<S extends string = string> = { state: S; at: string; position: number };

export type Tracks = Readonly<Partial<Record<ChartName, readonly Visit[]>>>;

const readings = {
  service: {
    status: (view: ClusterView, id: string) => of(view.services.get(id), (service) => serviceRow(view, service).status),
    rollout: (view: ClusterView, id: string) => of(view.services.get(id), ({ rollout }) => rollout?.state ?? 'none'),
  },
  node: {
    reach: (view: ClusterView, id: string) => of(view.nodes.get(id), nodeReach),
    availability: (view: ClusterView, id: string) => of(view.nodes.get(id), ({ availability }) => availability),
  },
} as const satisfies Record<string, Partial<Record<ChartName, (view: ClusterView, id: string) => string | null>>>;

/** null: there is none. */
const of = <T extends ServiceView | NodeView>(found: T | undefined, read: (found: T) => string): string | null =>
  found ? read(found) : null;

export type StateReader = {
  /**
   * Later facts, in order; those that are known, or are of others, are passed over.
   * @returns whether a state has changed
   * @throws what `evolve` throws
   */
  fold(facts: readonly LogEvent[]): boolean;
  tracks(): Tracks;
};

/** @param view as of before the facts; it is changed */
export function readStates(view: ClusterView, { kind, id }: StateSubject): StateReader {
  const read = Object.entries(readings[kind]) as [ChartName, (view: ClusterView, id: string) => string | null][];
  const tracks = new Map<ChartName, Visit[]>(read.map(([chart]) => [chart, []]));
  const touched = nothingTouched();
  const note = () => {
    for (const [chart, stateOf] of read) {
      const visits = tracks.get(chart)!;
      const last = visits.at(-1);
      const state = stateOf(view, id) ?? (last && lastOf[chart]);
      if (state !== undefined && state !== last?.state) visits.push({ state, at: view.at, position: view.position });
    }
  };
  const isAbout = ({ type, stream, data }: LogEvent): boolean =>
    kind === 'node'
      ? reachFacts.has(type) && stream === `node/${id}`
      : reachFacts.has(type) || (data as { service?: string }).service === id;
  const visitsSum = () => [...tracks.values()].reduce((sum, visits) => sum + visits.length, 0);
  note();
  return {
    fold(facts) {
      const before = visitsSum();
      for (const fact of facts) {
        if (fact.position <= view.position || !isAbout(fact)) continue;
        evolve(view, fact, touched);
        note();
      }
      return visitsSum() > before;
    },
    tracks: () => Object.fromEntries(Array.from(tracks, ([chart, visits]) => [chart, [...visits]])),
  };
}

/** What becomes of them when their subject is gone: a rollout and an availability are over without a word. */
const lastOf: Readonly<Partial<Record<ChartName, string>>> = { status: 'removed', reach: 'removed' };

/** The states that a container was in, by the facts of its stream, the first first: each says which one it has entered. */
export function visitsOf(facts: readonly LogEvent[]): Visit<ContainerState>[] {
  const visits: Visit<ContainerState>[] = [];
  for (const { type, at, position } of facts) {
    const last = visits.at(-1);
    const state = last ? nextContainerState(last.state, type) : type === 'ContainerQueued' ? 'in queue' : null;
    if (state !== null) visits.push({ state, at, position });
  }
  return visits;
}
