/** Reads the newest events that match, page by page. */

import type { EventQuery } from '../events/log/event-log.ts';
import type { LogEvent } from '../events/schema/event.ts';

/** Pages of events that match, as a log or an API gives them. */
export type ReadEvents = (query: EventQuery) => Promise<{ events: LogEvent[]; next: number | null }>;

export type LastQuery = Omit<EventQuery, 'after' | 'before' | 'direction' | 'limit' | 'take'>;

const pageMax = 1_000;

/** Oldest first. `isCut`: there are earlier ones. @throws the signal's reason */
export async function readLast(
  read: ReadEvents,
  query: LastQuery,
  { limit, signal }: { limit: number; signal?: AbortSignal | undefined },
): Promise<{ events: LogEvent[]; isCut: boolean }> {
  const newestFirst: LogEvent[] = [];
  // One more than is wanted says whether there is more.
  for (let before: number | null = null; newestFirst.length <= limit; ) {
    signal?.throwIfAborted();
    const page = await read({
      ...query,
      ...{ direction: 'backward', limit: Math.min(pageMax, limit + 1 - newestFirst.length) },
      ...(before === null ? {} : { before }),
    });
    newestFirst.push(...page.events);
    if (page.next === null) break;
    before = page.next;
  }
  return { events: newestFirst.slice(0, limit).reverse(), isCut: newestFirst.length > limit };
}
