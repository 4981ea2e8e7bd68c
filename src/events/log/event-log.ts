/** The port of the log: what every caller may ask of it, whichever store is behind. */

import type { EventClass, EventType } from '../schema/catalog.ts';
import type { Commit, LogEvent, NewEvent } from '../schema/event.ts';

/** The stream must be at exactly this version when the append is decided; 0 = it must not exist yet. */
export type Expectation = { stream: string; version: number };

export type AppendOptions = {
  /** Checked against the log and the appends before this one in the same commit. Also for streams not written. */
  expect?: readonly Expectation[];
  /** uuid of the append. The same id again, within 24 h of log time, answers with the first result. Default: random. */
  appendId?: string;
  /** SHA-256 of the request behind the appendId; a repeat with another one is refused (`idempotency_key_reused`). */
  requestHash?: string;
  /** Written under this leadership: refused with `term_superseded` once a higher term is in the log. */
  term?: number;
  /** Gives up waiting (code `log_unavailable`, outcome unknown: repeat with the same appendId). Default 10 000. */
  deadlineMs?: number;
};

export type AppendResult = {
  /** Positions of this append's events: first … last. */
  first: number;
  last: number;
  at: string;
  /** true: the appendId was in the log already, nothing was written now. */
  repeated: boolean;
};

/** An append that is in the log: its events are `first` … `first + count - 1`. */
export type FoundAppend = { first: number; count: number; requestHash: string | null };

export type LogHead = { slot: number; position: number; at: string; hash: string };

/** The head before the first commit. */
export const emptyHead: LogHead = { slot: 0, position: 0, at: '1970-01-01T00:00:00.000Z', hash: '0'.repeat(64) };

export type EventQuery = {
  /** Exclusive. Default 0 (forward). */
  after?: number;
  /** Exclusive upper bound; with direction `backward` the place to start from. */
  before?: number;
  /** Inclusive upper bound. */
  to?: number;
  direction?: 'forward' | 'backward';
  /** 1…1000 events a page. Default 100. */
  limit?: number;
  /** Exact stream names; an event of any of them matches. */
  streams?: readonly string[];
  types?: readonly EventType[];
  class?: EventClass;
  /** ISO 8601, inclusive. */
  since?: string;
  until?: string;
  /** What the event is about, found in its data: service, node and container narrow together. */
  service?: string;
  node?: string;
  container?: string;
  /** Asked about each event of the page, in order; false ends the page before it. It has to take the first. Default: takes all. */
  take?: (event: LogEvent) => boolean;
};

export type EventPage = {
  events: LogEvent[];
  /** Pass as `after` (forward) or `before` (backward) to go on; null when the page reached the end. */
  next: number | null;
  /** The head when the page was read. */
  head: number;
  /** Where retention has emptied telemetry that may have matched, in the order of the page; one range between two events. */
  pruned: PrunedRange[];
};

/** Positions, both inclusive. */
export type PrunedRange = { from: number; to: number };

/** `afterSlot` (default 0) spares looking through what is known to be pruned. */
export type PruneRange = { afterSlot?: number; throughSlot: number };

/** What was emptied just now. */
export type Pruned = { commits: number; events: number };

export type EventLog = {
  /**
   * Appends all or nothing, in order. Resolves once durable (majority, journaled; or fsynced).
   * @throws AppError `expectation_failed` (details.stream, .expected, .actual) · `term_superseded` ·
   *   `append_too_large` · `append_empty` · `event_invalid` (details.field, .rule) · `idempotency_key_reused` ·
   *   `log_unavailable` (retryable; the outcome is unknown) · `log_closed`
   */
  append(events: readonly NewEvent[], options?: AppendOptions): Promise<AppendResult>;
  /**
   * What an appendId wrote, looked up in everything decided so far (catches up with the store first), or null when it
   * is not in the log or older than 24 h of log time. @throws AppError `log_unavailable`
   */
  findAppend(appendId: string): Promise<FoundAppend | null>;
  /** One page of events that match. */
  read(query: EventQuery): Promise<EventPage>;
  /** Whole commits in slot order, contiguous, pruned ones included with `events: null`. At most `limit` (default 1000). */
  readCommits(range: { afterSlot: number; limit?: number }): Promise<Commit[]>;
  /** The commit that holds a position, or null beyond the head. */
  readCommitAt(position: number): Promise<Commit | null>;
  /** The last commit not later than a time, or null before the first. */
  readCommitBefore(time: string): Promise<Commit | null>;
  /** The last contiguous commit known, read with majority concern. */
  head(): Promise<LogHead>;
  /**
   * Everything after a slot, then everything new, in batches of contiguous commits, until the signal aborts.
   * Keeps trying while the store is away (and says so through `onProblem`); never skips a hole.
   */
  follow(options: FollowOptions): AsyncIterable<Commit[]>;
  /** Empties telemetry commits, in place; positions and hashes stay. Returns what it emptied. */
  prune(range: PruneRange): Promise<Pruned>;
  /** Why nothing can be written just now, in words; null while all is well. */
  problem(): string | null;
  /** How the log is kept, for people: `sqlite data/events.sqlite`. Never a password. */
  readonly description: string;
  /** Waits for appends in flight (at most 3 s), then lets go of the store. */
  close(): Promise<void>;
};

export type FollowOptions = {
  afterSlot: number;
  signal: AbortSignal;
  /** The store cannot be read, or has a hole; called on each change of the condition, null = fine again. */
  onProblem?: (problem: { code: 'log_unavailable' | 'log_hole'; message: string } | null) => void;
};

/** Bounds of one append and of one commit (several appends may share a commit). */
export const appendEventsMax = 500;
export const appendBytesMax = 1_000_000;
