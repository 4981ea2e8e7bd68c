/**
 * Finds the events that made each difference between two points in time: read backward by pages, since the last ones made what is
 * seen at the end. Bounded in what is read and in what is kept; the rest is counted.
 */

import { nextTick } from '../../concurrency/yielder.ts';
import type { EventLog } from '../../events/log/event-log.ts';
import type { EventType } from '../../events/schema/catalog.ts';
import { type LogEvent, streams } from '../../events/schema/event.ts';
import { reachFacts } from '../../projections/rows/node-row.ts';
import type { DiffKind } from './diff.ts';

/** Of an event what an operator is shown: a whole one holds container specs and inventories, and thousands are kept. */
export type EventMention = { position: number; at: string; type: EventType };

/** Oldest first. */
export type MadeBy = { events: EventMention[]; more: number };

export type EventsBetween = {
  of(kind: DiffKind, name: string): MadeBy;
  /** Facts of the span that were looked at. */
  read: number;
  /** Positions at the beginning of the span that were not looked at, as it is too long. */
  unreadThrough: number | null;
};

/** Per row: enough to see what it was; the rest is what `coctl history` is for. */
export const eventsKept = 8;
/** Some seconds of reading. */
const eventsReadMax = 100_000;
const page = 1_000;

type Entry = { own: EventMention[]; others: EventMention[]; total: number };

/**
 * @param after exclusive @param to inclusive
 * @throws AppError `log_unavailable` · the signal's reason
 */
export async function readEventsBetween(
  log: Pick<EventLog, 'read'>,
  { after, to }: { after: number; to: number },
  { readMax = eventsReadMax, signal }: { readMax?: number; signal?: AbortSignal | undefined } = {},
): Promise<EventsBetween> {
  const entries = new Map<string, Entry>();
  let read = 0;
  let before: number | null = to + 1;
  while (before !== null && before > after + 1 && read < readMax) {
    const query = { class: 'fact', direction: 'backward', limit: page, after, before } as const;
    const found: Awaited<ReturnType<EventLog['read']>> = await log.read(query);
    for (const event of found.events) note(entries, event);
    read += found.events.length;
    before = found.next;
    // A store in memory answers without leaving the event loop to other work.
    await nextTick();
    signal?.throwIfAborted();
  }
  const unreadThrough = before !== null && before > after + 1 ? before - 1 : null;
  const entryOf = (kind: DiffKind, name: string) =>
    entries.get(keyOf(kind, name)) ?? (kind === 'services' ? entries.get(reachKey) : undefined);
  return { of: (kind, name) => madeBy(entryOf(kind, name)), read, unreadThrough };
}

const keyOf = (kind: DiffKind, name: string) => `${kind} ${name}`;

const subjects = [
  { kind: 'services', member: 'service', streamOf: streams.service },
  { kind: 'nodes', member: 'node', streamOf: streams.node },
  { kind: 'containers', member: 'container', streamOf: streams.container },
] as const;

/** What is known of a service changes with its nodes as well: where it has no fact of its own, theirs made the difference. */
const reachKey = 'reach';

function note(entries: Map<string, Entry>, event: LogEvent): void {
  const { position, at, type } = event;
  const mention: EventMention = { position, at, type };
  if (reachFacts.has(type)) add(entries, reachKey, mention, true);
  for (const { kind, member, streamOf } of subjects) {
    const name = (event.data as Record<string, unknown>)[member];
    if (typeof name === 'string') add(entries, keyOf(kind, name), mention, event.stream === streamOf(name));
  }
}

function add(entries: Map<string, Entry>, key: string, mention: EventMention, isOwn: boolean): void {
  const entry = entries.get(key) ?? { own: [], others: [], total: 0 };
  entries.set(key, entry);
  entry.total += 1;
  const list = isOwn ? entry.own : entry.others;
  if (list.length < eventsKept) list.push(mention);
}

/** What happened to the thing itself says more than what happened on it. */
function madeBy(entry: Entry | undefined): MadeBy {
  if (!entry) return { events: [], more: 0 };
  const kept = [...entry.own, ...entry.others].slice(0, eventsKept).sort((a, b) => a.position - b.position);
  return { events: kept, more: entry.total - kept.length };
}
