/**
 * The lines of an exported log: a manifest, then each commit as a header followed by one CloudEvents 1.0 line an
 * event, then a last line that says what there was. Says how a commit becomes lines and lines a commit. Pure.
 */

import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { TypeCompiler } from '@sinclair/typebox/compiler';
import { canonicalJson } from '../../events/schema/canonical-json.ts';
import type { Commit, StoredEvent } from '../../events/schema/event.ts';
import { IsoTime, Uuid } from '../../model/ids.ts';

/** Rises when a program that knows the present format would read a file wrongly. */
export const formatVersion = 1;

const object = <T extends Record<string, TSchema>>(members: T) => Type.Object(members, { additionalProperties: false });
const natural = Type.Integer({ minimum: 0 });
const positive = Type.Integer({ minimum: 1 });
const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' });
const Head = object({ slot: natural, position: natural, at: IsoTime, hash: Sha256 });

export const ManifestLine = object({
  line: Type.Literal('manifest'),
  formatVersion: positive,
  /** Who wrote the file: a name and a version, for people. */
  program: Type.String({ maxLength: 200 }),
  cluster: object({ id: Uuid, name: Type.String({ maxLength: 63 }) }),
  /** The file begins behind this commit; slot 0 is the beginning of the log. */
  after: Head,
  /** And ends with this one. */
  through: Head,
});
export type ManifestLine = Static<typeof ManifestLine>;

const CommitLine = object({
  line: Type.Literal('commit'),
  slot: positive,
  first: positive,
  count: positive,
  at: IsoTime,
  class: Type.Union([Type.Literal('fact'), Type.Literal('telemetry')]),
  writer: Type.String(),
  commitId: Type.String(),
  appends: Type.Array(
    object({
      appendId: Type.String(),
      count: positive,
      term: Type.Optional(natural),
      requestHash: Type.Optional(Type.String()),
    }),
  ),
  bodyHash: Sha256,
  hash: Sha256,
  /** true: no line of an event follows, retention has emptied it. */
  pruned: Type.Boolean(),
});
export type CommitLine = Static<typeof CommitLine>;

/** CloudEvents 1.0 in JSON; from `sequence` on extension attributes. An attribute that is null in the log is left out. */
const EventLine = object({
  specversion: Type.Literal('1.0'),
  id: Type.String(),
  source: Type.String(),
  type: Type.String(),
  subject: Type.String(),
  time: IsoTime,
  datacontenttype: Type.Literal('application/json'),
  /** The position, as text: CloudEvents' integers have 32 bits. */
  sequence: Type.String({ pattern: '^[1-9][0-9]{0,15}$' }),
  streamversion: natural,
  schemaversion: positive,
  actor: Type.String(),
  requestid: Type.Optional(Type.String()),
  correlationid: Type.String(),
  causationid: Type.Optional(Type.String()),
  data: Type.Unknown(),
});
export type EventLine = Static<typeof EventLine>;

export const Totals = object({ commits: natural, events: natural, prunedCommits: natural, prunedEvents: natural });
/** `commits` and `events` count what was pruned too. */
export type Totals = Static<typeof Totals>;

const EndLine = object({
  line: Type.Literal('end'),
  totals: Totals,
  head: Head,
  /** SHA-256 of the text of the first line. */
  manifestHash: Sha256,
});
export type EndLine = Static<typeof EndLine>;

export const lineChecks = {
  manifest: TypeCompiler.Compile(ManifestLine),
  commit: TypeCompiler.Compile(CommitLine),
  event: TypeCompiler.Compile(EventLine),
  end: TypeCompiler.Compile(EndLine),
};

export const sourceOf = (clusterId: string): string => `urn:uuid:${clusterId}`;

/** The texts of a commit's lines, in RFC 8785: the same from every kind of log. Without line ends. */
export function toLines({ events, ...header }: Commit, clusterId: string): string[] {
  const { slot, first, count, at, class: eventClass, writer, commitId, appends, bodyHash, hash } = header;
  const commitLine: CommitLine = {
    ...{ line: 'commit', slot, first, count, at, class: eventClass, writer, commitId, appends, bodyHash, hash },
    pruned: events === null,
  };
  const source = sourceOf(clusterId);
  const eventLines = (events ?? []).map((event, index) =>
    toEventLine(event, { source, time: at, position: first + index }),
  );
  return [commitLine, ...eventLines].map(canonicalJson);
}

function toEventLine(
  { stream, version, type, schemaVersion, data, meta }: StoredEvent,
  { source, time, position }: { source: string; time: string; position: number },
): EventLine {
  const { eventId, actor, requestId, correlationId, causationId } = meta;
  return {
    specversion: '1.0',
    id: eventId,
    source,
    type,
    subject: stream,
    time,
    datacontenttype: 'application/json',
    sequence: `${position}`,
    streamversion: version,
    schemaversion: schemaVersion,
    actor,
    ...(requestId === null ? {} : { requestid: requestId }),
    correlationid: correlationId,
    ...(causationId === null ? {} : { causationid: causationId }),
    data,
  };
}

/** The event as it is stored: the same values, so the same RFC 8785 text. */
export function toStoredEvent(line: EventLine): StoredEvent {
  const { id, type, subject, streamversion, schemaversion, data, actor, requestid, correlationid, causationid } = line;
  return {
    stream: subject,
    version: streamversion,
    type,
    schemaVersion: schemaversion,
    data,
    meta: {
      eventId: id,
      actor,
      requestId: requestid ?? null,
      correlationId: correlationid,
      causationId: causationid ?? null,
    },
  };
}

export function toCommit({ line: _, pruned, ...header }: CommitLine, events: StoredEvent[]): Commit {
  return { ...header, events: pruned ? null : events } as Commit;
}
