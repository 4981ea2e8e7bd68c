/**
 * Owns sending events by the piece: all up to the head, or everything there is and then everything new. Each client
 * reads the log by position at its own pace, so there is no seam between replay and following, and nothing to buffer
 * for a slow one.
 */

import { AppError } from '../../errors.ts';
import type { EventLog, EventQuery } from '../../events/log/event-log.ts';
import type { LogEvent } from '../../events/schema/event.ts';
import type { Projector } from '../../projections/live/projector.ts';

export const eventStreamType = 'text/event-stream';

const pageEvents = 500;
/** Followers read at most this often: many of them on a busy log share its commits in larger pages. */
const pageGapMs = 20;
/** A silent connection is taken for dead by proxies after 30–60 s. */
const beatMs = 15_000;
const retryMs = 1_000;

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
  const doorbell = createDoorbell(projector, signal);
  try {
    let quietSinceMs = performance.now();
    while (!signal.aborted) {
      const page = await log.read({ ...query, after, limit: pageEvents }).catch(async (error: unknown) => {
        if (!(error instanceof AppError && error.retryable)) throw error;
        await doorbell.pause(retryMs);
        return null;
      });
      if (signal.aborted) return;
      if (page && page.events.length > 0) yield page.events;
      if (page) after = Math.max(after, page.next ?? page.head);
      const isQuiet = !page || page.events.length === 0;
      if (!isQuiet) quietSinceMs = performance.now();
      if (isQuiet && performance.now() - quietSinceMs >= beatMs) {
        yield [];
        quietSinceMs = performance.now();
      }
      if (page?.next === null) await doorbell.wait(after, beatMs - (performance.now() - quietSinceMs));
    }
  } finally {
    doorbell.close();
  }
}

/** The projector's fold says that something is new; the log itself says what. */
function createDoorbell(projector: Pick<Projector, 'view' | 'onFolded'>, signal: AbortSignal) {
  let wake = () => {};
  const unsubscribe = projector.onFolded(() => wake());
  const onAbort = () => wake();
  signal.addEventListener('abort', onAbort);

  const pause = (delayMs: number, isWoken = () => false) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(done, delayMs);
      function done() {
        clearTimeout(timer);
        wake = () => {};
        resolve();
      }
      wake = () => {
        if (signal.aborted || isWoken()) done();
      };
      wake();
    });

  return {
    pause,
    /** Until the view is beyond `position`, and never at once again. */
    async wait(position: number, timeoutMs: number): Promise<void> {
      await pause(pageGapMs);
      await pause(Math.max(0, timeoutMs), () => projector.view.position > position);
    },
    close() {
      unsubscribe();
      signal.removeEventListener('abort', onAbort);
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
