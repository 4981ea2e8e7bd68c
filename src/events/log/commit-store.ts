/**
 * The port beneath the log: where commits are kept. Order, group commit, expectations, idempotency, hashes and
 * ambiguity are decided once, in event-log's writer; a store only inserts at a slot and reads ranges.
 */

import type { Commit, CommitAppend } from '../schema/event.ts';
import type { EventQuery, LogHead, Pruned, PruneRange } from './event-log.ts';

/**
 * A commit ready to insert, with the canonical JSON of each event so that a text store need not write it again; null
 * when it was pruned in the log it comes from.
 */
export type PreparedCommit = { commit: Commit; eventTexts: string[] | null };

export type CommitRange = {
  afterSlot: number;
  /** Inclusive. */
  toSlot?: number;
  limit: number;
  /** `backward`: from `toSlot` down. Default forward. */
  direction?: 'forward' | 'backward';
  /**
   * Leave out commits without an event that matches (the rest is then not contiguous). A help, not a promise: others
   * may come along, so the reader looks at each event itself.
   */
  about?: EventFilter;
};

/** What an event is of and about; members narrow together. */
export type EventFilter = Pick<EventQuery, 'streams' | 'types' | 'class' | 'service' | 'node' | 'container'>;

/** What a writer begins with; derived from the commits, never a truth of its own. */
export type StoreIndex = {
  head: LogHead;
  /** The highest term. */
  term: number;
  /** Everything that `lookUp` could find; null when the log is too long to read at the start. */
  known: Lookup | null;
};

/** What is asked about is in the answer, or is not in the log. */
export type Lookup = {
  versions: Iterable<readonly [stream: string, version: number]>;
  /** Appends of the last 24 h of log time (`idempotencyMs`), oldest first. */
  appends: Iterable<KeptAppend>;
};

/** `first`: position of the append's first event. */
export type KeptAppend = { first: number; at: string; append: CommitAppend };

export type CommitStore = {
  /** @param streamsMax more than these are not returned at the start */
  readIndex(streamsMax: number): Promise<StoreIndex>;
  lookUp(asked: { streams: readonly string[]; appendIds: readonly string[] }): Promise<Lookup>;
  /**
   * Inserts at commit.slot. `taken` = another commit holds the slot (perhaps our own of an earlier, ambiguous try).
   * @throws AppError `log_unavailable` when the outcome is unknown: the caller must send the same document again.
   */
  insert(prepared: PreparedCommit): Promise<'inserted' | 'taken'>;
  /** The decided commit at a slot, or null while there is none. */
  readSlot(slot: number): Promise<Commit | null>;
  /** In the order of the direction. May be cut short where it grows large: only an empty answer is the end. */
  readRange(range: CommitRange): Promise<Commit[]>;
  head(): Promise<LogHead>;
  /** Slot of the last commit whose `first` is not above a position / whose `at` is not after a time; 0 = none. */
  slotOf(at: { position: number } | { time: string }): Promise<number>;
  /** Called when something may be new, with its slot. A hint: may be called too often, or not at all. Returns an unsubscribe. */
  onInserted(listener: (slot: number) => void): () => void;
  /** Empties telemetry in the slots `afterSlot + 1 … throughSlot`, some at a time. */
  prune(range: PruneRange): Promise<Pruned>;
  /** What is wrong with the store itself, beneath the commits, a sentence each. Left out where its server sees to that. */
  check?(): Promise<string[]>;
  readonly description: string;
  close(): Promise<void>;
};

/** What reading a log takes. */
export type ReadableStore = Pick<CommitStore, 'readRange' | 'readSlot' | 'head' | 'slotOf' | 'check' | 'description'>;

/** How long an appendId is remembered, in log time. */
export const idempotencyMs = 24 * 3_600_000;
