/**
 * Streams events in pages: all up to the head, or everything there is and then everything new. Each client reads the log
 * by position at its own pace, so there is no seam between replay and following, and nothing to buffer for a slow one.
 */

import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '../../clock.ts';
import { createNotifier } from '../../concurrency/notifier.ts';
import { AppError } from '../../errors.ts';
import type { EventLog, EventQuery } from '../../events/log/event-log.ts';
import type { Projector } from '../../projections/live/projector.ts';
import { createEventPage, streamPageBytesMax, toNdjson, toSse } from './event-page.ts';

export const eventStreamType = 'text/event-stream';

const pageEvents = 500;
/** Followers read at most this often: many of them on a busy log share its commits in larger pages. */
const pageGapMs = 20;
/** Proxies take a silent connection for dead after 30–60 s. */
const keepAliveMs = 15_000;
const retryMs = 1_000;

/** All events that match as NDJSON, up to the head as it was at the first page, or `limit` of them. */
export async function* readAsNdjson(
  log: Pick<EventLog, 'read' | 'head'>,
  query: EventQuery,
  limit: number,
): AsyncGenerator<string> {
  const to = Math.min(query.to ?? Number.MAX_SAFE_INTEGER, (await log.head()).position);
  let left = limit;
  let cursor: Pick<EventQuery, 'after' | 'before'> = {};
  while (left > 0) {
    const { take, texts } = createEventPage(toNdjson, streamPageBytesMax);
    const page = await log.read({ ...query, to, ...cursor, limit: Math.min(left, pageEvents), take });
    if (page.events.length > 0) yield texts().join('');
    left -= page.events.length;
    if (page.next === null) return;
    cursor = query.direction === 'backward' ? { before: page.next } : { after: page.next };
  }
}

type FollowDeps = {
  log: Pick<EventLog, 'read'>;
  projector: Pick<Projector, 'view' | 'onFolded'>;
  clock: Pick<Clock, 'monotonicMs'>;
};

/**
 * As `text/event-stream`: the events there are, then new ones, until the signal aborts; a comment after 15 s without any.
 * A client that is cut off reconnects after a second.
 */
export async function* followAsSse(deps: FollowDeps, query: EventQuery, signal: AbortSignal): AsyncGenerator<string> {
  const { log, clock } = deps;
  let after = query.after ?? 0;
  const folds = createFoldWait(deps, signal);
  // Sent at once, so that the client knows it is connected.
  yield 'retry: 1000\n\n';
  try {
    let quietSinceMs = clock.monotonicMs();
    while (!signal.aborted) {
      const { take, texts } = createEventPage(toSse, streamPageBytesMax);
      const page = await log.read({ ...query, after, limit: pageEvents, take }).catch(async (error: unknown) => {
        if (!(error instanceof AppError && error.retryable)) throw error;
        await pause(retryMs, undefined, { signal }).catch(() => {});
        return null;
      });
      if (signal.aborted) return;
      if (page && page.events.length > 0) yield texts().join('');
      if (page) after = Math.max(after, page.next ?? page.head);
      const isQuiet = !page || page.events.length === 0;
      if (!isQuiet) quietSinceMs = clock.monotonicMs();
      if (isQuiet && clock.monotonicMs() - quietSinceMs >= keepAliveMs) {
        yield ': beat\n\n';
        quietSinceMs = clock.monotonicMs();
      }
      if (page?.next === null) await folds.waitBeyond(after, keepAliveMs - (clock.monotonicMs() - quietSinceMs));
    }
  } finally {
    folds.close();
  }
}

/** The projector notifies that something is new; what it is, is read from the log. */
function createFoldWait({ projector, clock }: Omit<FollowDeps, 'log'>, signal: AbortSignal) {
  const notifier = createNotifier(signal);
  const unsubscribe = projector.onFolded(notifier.notify);
  return {
    /** Until the view is beyond `position`; `pageGapMs` at least. */
    async waitBeyond(position: number, timeoutMs: number): Promise<void> {
      await pause(pageGapMs, undefined, { signal }).catch(() => {});
      const endMs = clock.monotonicMs() + timeoutMs;
      while (!signal.aborted && projector.view.position <= position && clock.monotonicMs() < endMs) {
        notifier.reset();
        await notifier.wait(Math.max(0, endMs - clock.monotonicMs()));
      }
    },
    close() {
      unsubscribe();
      notifier.close();
    },
  };
}
