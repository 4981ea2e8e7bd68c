/**
 * The fold: how each event of the log changes the view. The one evolve of live view, replay, simulation and
 * tests. Pure but for the view it is given: no clock, no configuration, no I/O; time is the events' own.
 */

import type { Commit, LogEvent } from '../../events/schema/event.ts';
import { balanceHandlers } from './balance.ts';
import { clockHandlers } from './clock.ts';
import { clusterHandlers } from './cluster.ts';
import type { ClusterView } from './cluster-view.ts';
import { containerHandlers } from './containers.ts';
import { expireEnded } from './ended.ts';
import type { Handlers } from './handlers.ts';
import { imageHandlers } from './images.ts';
import { jobHandlers } from './jobs.ts';
import { nodeHandlers } from './nodes.ts';
import { registryHandlers } from './registries.ts';
import { expireProving, rolloutHandlers } from './rollouts.ts';
import { serviceHandlers } from './services.ts';
import { tokenHandlers } from './tokens.ts';
import { nothingTouched, type Touched } from './touched.ts';

/** Rises when the same log folds to another view or other rows: what was derived before is then derived again. */
export const projectionVersion = 18;

const handlers: Handlers = {
  ...clusterHandlers,
  ...serviceHandlers,
  ...rolloutHandlers,
  ...balanceHandlers,
  ...jobHandlers,
  ...containerHandlers,
  ...nodeHandlers,
  ...imageHandlers,
  ...tokenHandlers,
  ...registryHandlers,
  ...clockHandlers,
};

/**
 * Changes the view in place by one event. Deterministic.
 * @param touched gets what the event changed something about; who folds many events and plans nothing passes one for all
 * @returns `touched`
 * @throws Error naming the position when the event cannot follow what was folded before
 */
export function evolve(view: ClusterView, event: LogEvent, touched: Touched = nothingTouched()): Touched {
  advanceTime(view, event.at, touched);
  (handlers[event.type] as (view: ClusterView, event: LogEvent, touched: Touched) => void)(view, event, touched);
  view.position = event.position;
  const isTelemetry = event.version === 0;
  if (isTelemetry) return touched;
  view.factPosition = event.position;
  view.factAt = event.at;
  return touched;
}

/**
 * Folds one commit. A pruned one (`events` empty) advances position and time all the same, so that what leaves the
 * view by age leaves at the same position with and without the telemetry.
 * @param events the commit's events in the current schema version; empty when it was pruned
 * @param touched as with evolve
 * @returns `touched`
 */
export function evolveCommit(
  view: ClusterView,
  commit: Pick<Commit, 'first' | 'count' | 'at'>,
  events: readonly LogEvent[],
  touched: Touched = nothingTouched(),
): Touched {
  advanceTime(view, commit.at, touched);
  for (const event of events) evolve(view, event, touched);
  view.position = commit.first + commit.count - 1;
  return touched;
}

function advanceTime(view: ClusterView, at: string, touched: Touched): void {
  if (at === view.at) return;
  view.at = at;
  expireEnded(view);
  expireProving(view, touched);
}
