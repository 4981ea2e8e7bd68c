/**
 * Streams events in pages: all up to the head, or everything there is and then everything new. Each client reads the log
 * by position at its own pace, so there is no seam between replay and following, and nothing to buffer for a slow one.
 */

import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../../clock.ts';
import { createNotifier } from '../../concurrency/notifier.ts';
import { AppError } from '../../errors.ts';
import type { EventLog, EventQuery } from '../../events/log/event-log.ts';
import type { LogEvent } from '../../events/schema/event.ts';
import type { Projector } from '../../projections/live/projector.ts';

export const eventStreamType = 'text/event-stream';

const pageEvents = 500;
/** Followers read at most this often: many of them on a busy log share its commits in larger pages. */
const pageGapMs = 20;
/** Proxies take a silent connection for dead after 30–60 s. */
const keepAliveMs = 15_000;
const retryMs = 1_000;
const { monotonicMs } = systemClock;

/** All events that match, up to the head as it was at the first page, or `limit` of them. */
export async function* readEvents(
  log: Pick<EventLog, 'read' | 'head'>,
  query: EventQuery,
  limit: number,
): AsyncGenerator<readonly LogEvent[]> {
  const to = Math.min(query.to ?? Number.MAX_SAFE_INTEGER, (await log.head()).position);
  let left = limit;
  let cursor: Pick<EventQuery, 'after' | 'before'> = {};
  while (left > 0) {
    const page = await log.read({ ...query, to, ...cursor, limit: Math.min(left, pageEvents) });
    if (page.events.length > 0) yield page.events;
    left -= page.events.length;
    if (page.next === null) return;
    cursor = query.direction === 'backward' ? { before: page.next } : { after: page.next };
  }
}

/** Yields pages of what is there, then of what comes, until the signal aborts; an empty page when nothing came for 15 s. */
export async function* followEvents(
  { log, projector }: { log: Pick<EventLog, 'read'>; projector: Pick<Projector, 'view' | 'onFolded'> },
  query: EventQuery,
  signal: AbortSignal,
): AsyncGenerator<readonly LogEvent[]> {
  let after = query.after ?? 0;
  const folds = createFoldWait(projector, signal);
  try {
    let quietSinceMs = monotonicMs();
    while (!signal.aborted) {
      const page = await log.read({ ...query, after, limit: pageEvents }).catch(async (error: unknown) => {
        if (!(error instanceof AppError && error.retryable)) throw error;
        await pause(retryMs, undefined, { signal }).catch(() => {});
        return null;
      });
      if (signal.aborted) return;
      if (page && page.events.length > 0) yield page.events;
      if (page) after = Math.max(after, page.next ?? page.head);
      const isQuiet = !page || page.events.length === 0;
      if (!isQuiet) quietSinceMs = monotonicMs();
      if (isQuiet && monotonicMs() - quietSinceMs >= keepAliveMs) {
        yield [];
        quietSinceMs = monotonicMs();
      }
      if (page?.next === null) await folds.waitBeyond(after, keepAliveMs - (monotonicMs() - quietSinceMs));
    }
  } finally {
    folds.close();
  }
}

/** The projector's fold says that something is new; the log itself says what. */
function createFoldWait(projector: Pick<Projector, 'view' | 'onFolded'>, signal: AbortSignal) {
  const notifier = createNotifier(signal);
  const unsubscribe = projector.onFolded(notifier.notify);
  return {
    /** Until the view is beyond `position`, and never at once again. */
    async waitBeyond(position: number, timeoutMs: number): Promise<void> {
      await pause(pageGapMs, undefined, { signal }).catch(() => {});
      const endMs = monotonicMs() + timeoutMs;
      while (!signal.aborted && projector.view.position <= position && monotonicMs() < endMs) {
        notifier.reset();
        await notifier.wait(Math.max(0, endMs - monotonicMs()));
      }
    },
    close() {
      unsubscribe();
      notifier.close();
    },
  };
}

/** One event as `text/event-stream` has it: a client that comes back names the last id it saw. */
export function toSse(event: LogEvent): string {
  return `id: ${event.position}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

export function toNdjson(event: LogEvent): string {
  return `${JSON.stringify(event)}\n`;
}
