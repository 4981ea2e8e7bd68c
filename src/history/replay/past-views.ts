/**
 * Views of the past for many callers: each replayed once while it is requested, a few kept, so many at a time. What is
 * past never changes, so a kept view never ages.
 */

import { createSemaphore } from '../../concurrency/semaphore.ts';
import { AppError } from '../../errors.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';
import { findPointInTime, type PointInTime, type ReplayDeps, replay } from './replay.ts';

export type TimeTravel = {
  /**
   * Read it, never change it.
   * @throws what `replay` throws · AppError `replays_full` (retryable)
   */
  viewAt(point: Exclude<PointInTime, 'head'>): Promise<ClusterView>;
  /** What a point in time means, without its view. @throws what `findPointInTime` throws */
  positionAt(point: Exclude<PointInTime, 'head'>): Promise<number>;
  /** Replays under way end. */
  close(): void;
};

/** A page that steps back and forth asks for a few positions again and again. A view may hold 100 MB. */
const viewsKept = 4;
/** Each takes a part of the event loop. */
const replaysMax = 2;
const waitingMax = 16;

export function createTimeTravel(deps: ReplayDeps): TimeTravel {
  const kept = new Map<number, Promise<ClusterView>>();
  const closing = new AbortController();
  const semaphore = createSemaphore({ permits: replaysMax, waitingMax, onFull: () => replaysFull(waitingMax) });

  const replayTo = (point: PointInTime): Promise<ClusterView> =>
    semaphore.run(() => replay(deps, { to: point, signal: closing.signal }));

  // A time means the last commit until then, and of a time just past another may still come.
  const positionAt: TimeTravel['positionAt'] = async (point) => (await findPointInTime(deps.log, point)).position;

  return {
    positionAt,
    async viewAt(point) {
      const position = await positionAt(point);
      const known = kept.get(position);
      const view = known ?? replayTo({ position });
      kept.delete(position);
      kept.set(position, view);
      for (const oldest of kept.keys()) {
        if (kept.size <= viewsKept) break;
        kept.delete(oldest);
      }
      // What failed may succeed the next time.
      if (!known) view.catch(() => kept.delete(position));
      return view;
    },
    close: () => closing.abort(new AppError('stopping', 'the manager is stopping', { retryable: true })),
  };
}

/** Too many questions about the past are waiting: the caller should come back later. */
export function replaysFull(waitingMax: number): AppError {
  return new AppError('replays_full', `${waitingMax} questions about the past are waiting`, { retryable: true });
}
