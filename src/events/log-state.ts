/**
 * Owns what a writer knows of the log: its head, the version of every stream, the appends of the last 24 h, the term.
 * Derived from commits alone, in slot order. Kept in memory, about 100 bytes a stream.
 */

import { AppError } from '../errors.ts';
import { idempotencyMs, type KeptAppend, type StoreIndex } from './commit-store.ts';
import type { Commit, CommitAppend } from './event.ts';
import type { Expectation, FoundAppend, LogHead } from './event-log.ts';

export type LogState = {
  head(): LogHead;
  versionOf(stream: string): number;
  term(): number;
  findAppend(appendId: string): FoundAppend | null;
  /** Takes in the commit after the head. */
  apply(commit: Commit): void;
};

export function createLogState(index: StoreIndex): LogState {
  let { head, term } = index;
  const versions = new Map(index.versions);
  const appends = new Map<string, FoundAppend & { at: string }>();

  const remember = (append: CommitAppend, first: number, at: string) => {
    if (!isKeyed(append.appendId)) return;
    const { appendId, count, requestHash = null } = append;
    appends.set(appendId, { first, count, requestHash, at });
  };

  /** Oldest first, so the look ends at the first that is young enough. */
  const forget = (now: string) => {
    const oldest = new Date(Date.parse(now) - idempotencyMs).toISOString();
    for (const [appendId, { at }] of appends) {
      if (at >= oldest) break;
      appends.delete(appendId);
    }
  };

  for (const { append, first, at } of index.appends) remember(append, first, at);

  return {
    head: () => head,
    versionOf: (stream) => versions.get(stream) ?? 0,
    term: () => term,
    findAppend(appendId) {
      const known = appends.get(appendId);
      return known ? { first: known.first, count: known.count, requestHash: known.requestHash } : null;
    },
    apply(commit) {
      const { slot, first, count, at, hash, events } = commit;
      if (slot !== head.slot + 1) throw new Error(`slot ${slot} does not follow ${head.slot}`);
      if (first !== head.position + 1) {
        const message = `slot ${slot} begins at position ${first}, not at ${head.position + 1}`;
        throw new AppError('log_corrupt', message, { details: { slot } });
      }
      for (const { stream, version } of events ?? []) if (version > 0) versions.set(stream, version);
      for (const { append, first: begin } of appendsOf(commit)) {
        remember(append, begin, at);
        if (append.term !== undefined && append.term > term) term = append.term;
      }
      head = { slot, position: first + count - 1, at, hash };
      forget(at);
    },
  };
}

/** The appends of a commit with the position each begins at. */
export function appendsOf({ first, at, appends }: Pick<Commit, 'first' | 'at' | 'appends'>): KeptAppend[] {
  let next = first;
  return appends.map((append) => {
    const begin = next;
    next += append.count;
    return { first: begin, at, append };
  });
}

/** Ids made from an Idempotency-Key or a message are uuids of version 5; random ones cannot come again after a restart. */
export const isKeyed = (appendId: string) => appendId[14] === '5';

/** The versions and the term as they will stand after the appends accepted so far for one commit. */
export type Draft = {
  /** null = it may be written. */
  refuse(append: { expect: readonly Expectation[]; term?: number | undefined }): AppError | null;
  /** Version of the stream's next event, counted. */
  nextVersion(stream: string): number;
};

export function createDraft(state: LogState): Draft {
  const versions = new Map<string, number>();
  let term = state.term();
  const versionOf = (stream: string) => versions.get(stream) ?? state.versionOf(stream);
  return {
    refuse({ expect, term: wanted }) {
      if (wanted !== undefined && wanted < term) {
        const message = `term ${wanted} is over: term ${term} has begun`;
        return new AppError('term_superseded', message, { details: { term: wanted, current: term } });
      }
      for (const { stream, version } of expect) {
        const actual = versionOf(stream);
        if (actual === version) continue;
        const message = `${stream} is at version ${actual}, not at ${version}`;
        return new AppError('expectation_failed', message, { details: { stream, expected: version, actual } });
      }
      if (wanted !== undefined) term = wanted;
      return null;
    },
    nextVersion(stream) {
      const next = versionOf(stream) + 1;
      versions.set(stream, next);
      return next;
    },
  };
}
