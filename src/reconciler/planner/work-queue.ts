/** The services and nodes that the planner has to evaluate next: each once, the oldest first. */

import type { ClusterView } from '../../projections/view/cluster-view.ts';
import { runningRuns } from '../../projections/view/job-runs.ts';
import { nothingTouched, type Touched, touchAll } from '../../projections/view/touched.ts';
import type { Step } from './step.ts';

/** What one evaluation takes from the queue. */
export type Work = { readonly services: ReadonlySet<string>; readonly nodes: ReadonlySet<string> };

export type WorkQueue = {
  /** What the fold touched. */
  add(touched: Touched): void;
  addNode(node: string): void;
  /** Every service and node of the view, as a new leader needs it. */
  addAll(): void;
  /** A step was not appended because something else came first: its subject is evaluated again. */
  requeue(step: Step): void;
  isEmpty(): boolean;
  /**
   * Removes and returns all nodes, and services that together have at most `slotsMax` slots, but at least one service.
   * Without a bound: everything.
   */
  take(slotsMax?: number): Work;
  clear(): void;
};

export function createWorkQueue(view: ClusterView): WorkQueue {
  const pending = nothingTouched();
  return {
    add({ services, nodes }) {
      for (const name of services) pending.services.add(name);
      for (const id of nodes) pending.nodes.add(id);
    },
    addNode: (node) => pending.nodes.add(node),
    addAll: () => touchAll(view, pending),
    requeue({ subject: { kind, name } }) {
      if (kind === 'service') pending.services.add(name);
      if (kind === 'node') pending.nodes.add(name);
      if (kind === 'cluster') for (const id of view.nodes.keys()) pending.nodes.add(id);
    },
    isEmpty: () => pending.services.size === 0 && pending.nodes.size === 0,
    take(slotsMax = Number.POSITIVE_INFINITY) {
      const nodes = new Set(pending.nodes);
      pending.nodes.clear();
      return { services: takeServices(pending.services, (name) => slotsOf(view, name), slotsMax), nodes };
    },
    clear() {
      pending.services.clear();
      pending.nodes.clear();
    },
  };
}

/** How many slots a service has or should have: what evaluating it costs. Pure. */
export function slotsOf(view: ClusterView, name: string): number {
  const service = view.services.get(name);
  const ofRuns = service?.job ? runningRuns(service.job).reduce((sum, { completions }) => sum + completions, 0) : 0;
  return service ? Math.max(service.replicas, service.live, ofRuns) : 0;
}

/**
 * Takes services from the front that together have at most `slotsMax` slots, but at least one service.
 * @param names loses what is taken
 */
export function takeServices(names: Set<string>, sizeOf: (name: string) => number, slotsMax: number): Set<string> {
  const taken = new Set<string>();
  let size = 0;
  for (const name of names) {
    size += sizeOf(name);
    if (taken.size > 0 && size > slotsMax) break;
    taken.add(name);
    names.delete(name);
  }
  return taken;
}
