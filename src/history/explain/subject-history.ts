/** The history of one service, node or container as lines: when, how long after the one before, and the sentence. */

import { AppError } from '../../errors.ts';
import type { EventQuery } from '../../events/log/event-log.ts';
import type { EventType } from '../../events/schema/catalog.ts';
import type { LogEvent } from '../../events/schema/event.ts';
import { sentenceOf } from '../sentences/event-sentences.ts';

export const subjectKinds = ['service', 'node', 'container'] as const;
export type SubjectKind = (typeof subjectKinds)[number];

/** Pages of events that match, as a log or an API gives them. */
export type ReadEvents = (query: EventQuery) => Promise<{ events: LogEvent[]; next: number | null }>;

export type HistoryLine = {
  position: number;
  at: string;
  /** Since the line before; null for the first. */
  afterMs: number | null;
  type: EventType;
  actor: string;
  sentence: string;
};

/** Oldest first. `isCut`: there are earlier ones. */
export type History = { kind: SubjectKind; name: string; lines: HistoryLine[]; isCut: boolean };

const pageMax = 1_000;

/**
 * The last `limit` facts about it. Names of services and nodes look alike: without a kind the one the log knows is meant.
 * @throws AppError `subject_not_found` · `subject_ambiguous` · the signal's reason
 */
export async function readHistory(
  read: ReadEvents,
  name: string,
  options: { kind?: SubjectKind; since?: string; until?: string; limit: number; signal?: AbortSignal },
): Promise<History> {
  const kind = options.kind ?? (await findKind(read, name));
  const { limit, since, until, signal } = options;
  const span = { ...(since === undefined ? {} : { since }), ...(until === undefined ? {} : { until }) };
  const newestFirst: LogEvent[] = [];
  // One more than is shown says whether there is more.
  for (let before: number | null = null; newestFirst.length <= limit; ) {
    signal?.throwIfAborted();
    const page = await read({
      ...{ [kind]: name, class: 'fact', direction: 'backward', ...span },
      limit: Math.min(pageMax, limit + 1 - newestFirst.length),
      ...(before === null ? {} : { before }),
    });
    newestFirst.push(...page.events);
    if (page.next === null) break;
    before = page.next;
  }
  const shown = newestFirst.slice(0, limit).reverse();
  return { kind, name, lines: toLines(shown), isCut: newestFirst.length > limit };
}

/** A container's id says what it is. */
async function findKind(read: ReadEvents, name: string): Promise<SubjectKind> {
  const candidates = name.includes('.') ? (['container'] as const) : (['service', 'node'] as const);
  const known: SubjectKind[] = [];
  for (const kind of candidates) {
    const { events } = await read({ streams: [`${kind}/${name}`], limit: 1 });
    if (events.length > 0) known.push(kind);
  }
  const [kind, another] = known;
  if (another) throw new AppError('subject_ambiguous', `${name} is a service and a node: say --kind`);
  if (!kind) throw new AppError('subject_not_found', `the log knows no ${candidates.join(' or ')} called ${name}`);
  return kind;
}

function toLines(events: readonly LogEvent[]): HistoryLine[] {
  return events.map((event, index) => {
    const { position, at, type, meta } = event;
    const before = events[index - 1];
    const afterMs = before ? Date.parse(at) - Date.parse(before.at) : null;
    return { position, at, afterMs, type, actor: meta.actor, sentence: sentenceOf(event) };
  });
}
