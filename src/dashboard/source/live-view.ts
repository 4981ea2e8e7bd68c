/**
 * Keeps the live view in the browser: the manager's, and then the fold of what follows, by the same `evolve`. What cannot be
 * folded on, as after an upgrade of the manager, is loaded again.
 */

import type { LogEvent } from '../../events/schema/event.ts';
import { parseView } from '../../projections/snapshots/view-text.ts';
import { type ClusterView, emptyClusterView } from '../../projections/view/cluster-view.ts';
import { evolve, projectionVersion } from '../../projections/view/evolve.ts';
import { nothingTouched } from '../../projections/view/touched.ts';
import { ApiError, getJson } from './api.ts';
import { type Following, followFacts } from './follow.ts';

export type Connection = 'connecting' | 'live' | 'lost';

type Listener = {
  /** The view has changed, by these facts; none when it was loaded. It is the same object until it is loaded again. */
  onView(view: ClusterView, events: readonly LogEvent[]): void;
  onConnection(connection: Connection): void;
  /** The manager is of another version than this page. */
  onOutdated(): void;
};

const retryMs = 2_000;

type ViewAnswer = { position: number; projectionVersion: number; view: object };

/**
 * @param at a position; none: now
 * @throws ApiError, `outdated` when the manager folds otherwise than this page
 */
export async function loadView(at?: number): Promise<ClusterView> {
  if (at === 0) return emptyClusterView();
  const answer = await getJson<ViewAnswer>(at === undefined ? '/view' : `/view?at=${at}`);
  if (answer.projectionVersion !== projectionVersion) {
    throw new ApiError({ code: 'outdated', detail: 'the manager is of another version than this page' });
  }
  return parseView(answer.view);
}

/** Until the page is left. */
export function keepLiveView({ onView, onConnection, onOutdated }: Listener): void {
  let following: Following | null = null;
  const touched = nothingTouched();

  const start = async (): Promise<void> => {
    following?.close();
    onConnection('connecting');
    try {
      const view = await loadView();
      onView(view, []);
      following = followFacts(view.position, {
        onConnected: (isConnected) => onConnection(isConnected ? 'live' : 'lost'),
        onEvents(events) {
          try {
            for (const event of events) evolve(view, event, touched);
          } catch {
            void start();
            return;
          }
          onView(view, events);
        },
      });
    } catch (error) {
      if (error instanceof ApiError && error.code === 'outdated') onOutdated();
      onConnection('lost');
      setTimeout(start, retryMs);
    }
  };
  void start();
}
