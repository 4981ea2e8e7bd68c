/** The history of one service, node or container as lines: when, how long after the one before, and the sentence. */

import { AppError } from '../../errors.ts';
import type { EventType } from '../../events/schema/catalog.ts';
import type { LogEvent } from '../../events/schema/event.ts';
import { type ReadEvents, readLast } from '../read-last.ts';
import { sentenceOf } from '../sentences/event-sentences.ts';

export const subjectKinds = ['service', 'node', 'container'] as const;
export type SubjectKind = (typeof subjectKinds)[number];

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
  const { events, isCut } = await readLast(read, { [kind]: name, class: 'fact', ...span }, { limit, signal });
  return { kind, name, lines: toLines(events), isCut };
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
