/** The shapes of events and commits: what a caller hands in, what is stored, what a reader gets. */

import type { EventClass, EventData, EventType } from './catalog.ts';

/** Who did it. Free of spaces; `person:` and `manager:` come with a name, `node:` with a node id. */
export type Actor = string;

/** An event on its way into the log: the log adds position, version, times and ids. */
export type NewEvent<T extends EventType = EventType> = {
  [K in T]: {
    stream: string;
    type: K;
    data: EventData<K>;
    meta: NewMeta;
  };
}[T];

export type NewMeta = {
  actor: Actor;
  /** One API call or one bus message. */
  requestId?: string;
  /** Everything that follows from one request shares it. Default: the requestId, else the event's own id. */
  correlationId?: string;
  /** eventId of the fact this one follows from; null for an operator, a timer or an observation of a node. */
  causationId: string | null;
  /** The cause is an earlier event of the same append: its index there. Replaces causationId. */
  causationIndex?: number;
};

/** An event as it is stored inside its commit. Everything else follows from the commit's header. */
export type StoredEvent = {
  stream: string;
  /** 1,2,3… within the stream; 0 for telemetry, whose streams have no versions. */
  version: number;
  type: string;
  schemaVersion: number;
  data: unknown;
  meta: {
    eventId: string;
    actor: Actor;
    requestId: string | null;
    correlationId: string;
    causationId: string | null;
  };
};

/** One caller's events inside a commit. */
export type CommitAppend = {
  appendId: string;
  count: number;
  /** Leadership the caller wrote under; refused once a higher term is in the log. */
  term?: number;
  /** SHA-256 of the request body behind an Idempotency-Key: the same key with another body is refused. */
  requestHash?: string;
};

/** The atomic unit of the log; one MongoDB document, one SQLite row. */
export type Commit = {
  /** 1,2,3… without holes. MongoDB's `_id`. */
  slot: number;
  /** Position of its first event; positions are gapless over the whole log. */
  first: number;
  /** Number of events, also when they were pruned. */
  count: number;
  /** ISO 8601 with milliseconds; never earlier than the previous commit's. */
  at: string;
  class: EventClass;
  /** Process that wrote it. */
  writer: string;
  /** uuid: distinguishes our own commit from another's after an ambiguous write. */
  commitId: string;
  appends: CommitAppend[];
  /** SHA-256 (hex) of the RFC 8785 JSON of `events` as stored. */
  bodyHash: string;
  /** SHA-256 (hex) over the previous commit's hash, the header and bodyHash: a pruned commit still verifies. */
  hash: string;
  /** null once pruned: readers advance position and `at`, and fold nothing. */
  events: StoredEvent[] | null;
};

/** An event as readers get it: DESIGN's public shape. `data` is of the current schema version (upcast on reading). */
export type LogEvent<T extends EventType = EventType> = {
  [K in T]: {
    position: number;
    stream: string;
    version: number;
    type: K;
    schemaVersion: number;
    at: string;
    data: EventData<K>;
    meta: {
      eventId: string;
      commitId: string;
      actor: Actor;
      requestId: string | null;
      correlationId: string;
      causationId: string | null;
      term?: number;
    };
  };
}[T];

/** Stream names, in one place. */
export const streams = {
  cluster: 'cluster',
  controller: 'controller',
  /** Refusals of authenticated calls, alarms and pruning are facts of the cluster's own streams. */
  api: 'api',
  alarms: 'alarms',
  tokens: 'tokens',
  registries: 'registries',
  heartbeats: 'heartbeats',
  apiReads: 'api-reads',
  pulls: 'pulls',
  service: (name: string) => `service/${name}`,
  container: (id: string) => `container/${id}`,
  node: (id: string) => `node/${id}`,
  /** @param container in which commands were run */
  exec: (container: string) => `exec/${container}`,
  /** @param requestedPosition of the fact that requested the spec */
  image: (service: string, requestedPosition: number) => `image/${service}/${requestedPosition.toString(36)}`,
} as const;

/** Their events have version 0 and may be pruned. */
export const telemetryStreams: ReadonlySet<string> = new Set([streams.heartbeats, streams.apiReads, streams.pulls]);
