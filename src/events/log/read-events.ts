/** Answers a query of events from ranges of commits: where to look, what matches, where the next page begins. */

import type { Commit, LogEvent } from '../schema/event.ts';
import { toLogEvents } from '../schema/upcast.ts';
import type { EventFilter, ReadableStore } from './commit-store.ts';
import type { EventPage, EventQuery, PrunedRange } from './event-log.ts';
import { createPrunedRanges } from './pruned-ranges.ts';

/** Commits of one read of the store. */
const chunk = 200;
/** Commits looked through for one page: about a second. What is further away comes with the next page. */
const commitsPerPageMax = 50_000;

type Span = { lowest: number; highest: number; afterSlot: number; toSlot: number };

/** @param query `limit` default 100 */
export async function readEvents(store: ReadableStore, query: EventQuery): Promise<EventPage> {
  const { direction = 'forward', limit = 100 } = query;
  const head = (await store.head()).position;
  const span = await findSpan(store, query, head);
  const about = filterOf(query);
  const events: LogEvent[] = [];
  const pruned = createPrunedRanges();
  const pageUpTo = (next: number | null): EventPage => ({ events, next, head, pruned: pruned.all() });
  let { afterSlot, toSlot } = span;
  let looked = 0;

  while (afterSlot < toSlot && looked < commitsPerPageMax) {
    const commits = await store.readRange({ afterSlot, toSlot, limit: chunk, direction, ...(about ? { about } : {}) });
    const last = commits.at(-1);
    if (!last) return pageUpTo(null);
    for (const commit of commits) {
      const gone = prunedOf(commit, span, query);
      if (gone) pruned.add(gone);
      const matching = toLogEvents(commit).filter((event) => isWithin(event, span) && matches(event, query));
      if (direction === 'backward') matching.reverse();
      for (const event of matching) {
        if (events.length === limit || query.take?.(event) === false) {
          return { events, next: events.at(-1)!.position, head, pruned: pruned.upToLastEvent() };
        }
        events.push(event);
        pruned.addEvent();
      }
    }
    looked += commits.length;
    if (direction === 'forward') afterSlot = last.slot;
    else toSlot = last.slot - 1;
    if (looked >= commitsPerPageMax) return pageUpTo(edgeOf(last, direction));
  }
  return pageUpTo(null);
}

/** Whether pruned events match is known for their class only. */
function prunedOf({ first, count, events }: Commit, { lowest, highest }: Span, query: EventQuery): PrunedRange | null {
  if (events !== null || query.class === 'fact') return null;
  const { class: _, ...narrower } = filterOf(query) ?? {};
  if (Object.keys(narrower).length > 0) return null;
  const [from, to] = [Math.max(first, lowest), Math.min(first + count - 1, highest)];
  return from <= to ? { from, to } : null;
}

/** Where the look has come to, as `after` or `before` of the next page. */
function edgeOf(commit: Commit, direction: 'forward' | 'backward'): number {
  return direction === 'forward' ? commit.first + commit.count - 1 : commit.first;
}

/** The slots that can hold what is asked for. Times are turned into slots once: within a commit all are equal. */
async function findSpan(store: ReadableStore, query: EventQuery, head: number): Promise<Span> {
  const lowest = (query.after ?? 0) + 1;
  const highest = Math.min(head, (query.before ?? Number.POSITIVE_INFINITY) - 1, query.to ?? Number.POSITIVE_INFINITY);
  if (lowest > highest) return { lowest, highest, afterSlot: 0, toSlot: 0 };
  const slots = [store.slotOf({ position: lowest }), store.slotOf({ position: highest })];
  if (query.since !== undefined) slots.push(store.slotOf({ time: justBefore(query.since) }));
  if (query.until !== undefined) slots.push(store.slotOf({ time: query.until }));
  const [first = 0, last = 0, ...times] = await Promise.all(slots);
  const since = query.since === undefined ? 0 : (times.shift() ?? 0);
  const until = query.until === undefined ? last : (times.shift() ?? 0);
  return { lowest, highest, afterSlot: Math.max(first - 1, since), toSlot: Math.min(last, until) };
}

/** @throws RangeError when it is no time */
const justBefore = (time: string) => new Date(Date.parse(time) - 1).toISOString();

const isWithin = ({ position }: LogEvent, { lowest, highest }: Span) => position >= lowest && position <= highest;

/** null: everything is asked for. */
function filterOf(query: EventQuery): EventFilter | null {
  const { streams, types, class: eventClass, service, node, container } = query;
  const filter: EventFilter = {
    ...(streams ? { streams } : {}),
    ...(types ? { types } : {}),
    ...(eventClass ? { class: eventClass } : {}),
    ...(service === undefined ? {} : { service }),
    ...(node === undefined ? {} : { node }),
    ...(container === undefined ? {} : { container }),
  };
  return Object.keys(filter).length > 0 ? filter : null;
}

function matches(event: LogEvent, query: EventQuery): boolean {
  const { streams, types, class: eventClass, service, node, container } = query;
  const about = event.data as { service?: unknown; node?: unknown; container?: unknown };
  return (
    (!streams || streams.includes(event.stream)) &&
    (!types || types.includes(event.type)) &&
    (!eventClass || (event.version === 0) === (eventClass === 'telemetry')) &&
    (service === undefined || about.service === service) &&
    (node === undefined || about.node === node) &&
    (container === undefined || about.container === container)
  );
}
