/**
 * Owns the fold: how each event of the log changes the view. The one evolve of live view, replay, simulation and
 * tests. Pure but for the view it is given: no clock, no configuration, no I/O; time is the events' own.
 */

import type { Commit, LogEvent } from '../../events/schema/event.ts';
import { clusterHandlers } from './cluster.ts';
import type { ClusterView } from './cluster-view.ts';
import { containerHandlers, expireEnded } from './containers.ts';
import type { Handlers } from './handlers.ts';
import { nodeHandlers } from './nodes.ts';
import { serviceHandlers } from './services.ts';

/** Rises when the same log folds to another view or other rows: what was derived before is then derived anew. */
export const projectionVersion = 3;

const handlers: Handlers = { ...clusterHandlers, ...serviceHandlers, ...containerHandlers, ...nodeHandlers };

/**
 * Changes the view in place by one event. Deterministic.
 * @throws AssertionError naming the position when the event cannot follow what was folded before
 */
export function evolve(view: ClusterView, event: LogEvent): void {
  advanceTime(view, event.at);
  (handlers[event.type] as (view: ClusterView, event: LogEvent) => void)(view, event);
  view.position = event.position;
  const isTelemetry = event.version === 0;
  if (isTelemetry) return;
  view.factPosition = event.position;
  view.factAt = event.at;
}

/**
 * Folds one commit. A pruned one (`events` empty) advances position and time all the same, so that what leaves the
 * view by age leaves at the same position with and without the telemetry.
 * @param events the commit's events in the current schema version; empty when it was pruned
 */
export function evolveCommit(
  view: ClusterView,
  commit: Pick<Commit, 'first' | 'count' | 'at'>,
  events: readonly LogEvent[],
): void {
  advanceTime(view, commit.at);
  for (const event of events) evolve(view, event);
  view.position = commit.first + commit.count - 1;
}

function advanceTime(view: ClusterView, at: string): void {
  if (at === view.at) return;
  view.at = at;
  expireEnded(view);
}
