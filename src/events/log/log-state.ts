/**
 * What a writer knows of the log: its head, the term, the versions of streams, the appends of the last 24 h. Derived
 * from commits alone, in slot order. Bounded: beyond that the store is asked, and what it finds is kept.
 */

import { AppError } from '../../errors.ts';
import type { Commit } from '../schema/event.ts';
import { idempotencyMs, type KeptAppend, type Lookup, type StoreIndex } from './commit-store.ts';
import type { Expectation, FoundAppend, LogHead } from './event-log.ts';

/** What has to be looked up in the store before some appends can be judged. */
export type Missing = { streams: string[]; appendIds: string[] };

export type LogState = {
  head(): LogHead;
  term(): number;
  /** null: the store knows. */
  versionOf(stream: string): number | null;
  /** null: it is not in the log, as far as is known here. */
  findAppend(appendId: string): FoundAppend | null;
  /** null: all is known. */
  missingOf(asked: { streams: Iterable<string>; appendIds: Iterable<string> }): Missing | null;
  /** What the store found of what was missing. */
  addFound(asked: Missing, found: Lookup): void;
  /** Takes in the commit after the head. */
  apply(commit: Commit): void;
};

/** About 100 bytes each. More than a store may have left to index (256 commits of 500 events), so that it is never behind. */
export const streamsMax = 250_000;
/** Known by heart from the start; a longer log would keep its manager waiting, so that one is asked as it goes. */
export const streamsReadMax = 20_000;
const appendsMax = 250_000;

export function createLogState(index: StoreIndex): LogState {
  let { head, term } = index;
  const versions = new Map(index.known?.versions);
  /** `found: null`: the store has been asked, the log does not have it. */
  const appends = new Map<string, { found: FoundAppend | null; at: string }>();
  /** false: what is not here may be in the log. */
  let isComplete = index.known !== null;

  const setVersion = (stream: string, version: number) => {
    if (!putLast(versions, [stream, version], streamsMax)) isComplete = false;
  };

  const remember = ({ append, first, at }: KeptAppend) => {
    const { appendId, count, requestHash = null } = append;
    if (isKeyed(appendId)) setAppend(appendId, { found: { first, count, requestHash }, at });
  };

  const setAppend = (appendId: string, entry: { found: FoundAppend | null; at: string }) => {
    if (!putLast(appends, [appendId, entry], appendsMax)) isComplete = false;
  };

  const oldestKept = () => new Date(Math.max(0, Date.parse(head.at) - idempotencyMs)).toISOString();

  /** The oldest are at the front, so the look ends at the first that is young enough. */
  const forgetOld = () => {
    if (appends.size === 0) return;
    const oldest = oldestKept();
    for (const [appendId, { at }] of appends) {
      if (at >= oldest) break;
      appends.delete(appendId);
    }
  };

  for (const kept of index.known?.appends ?? []) remember(kept);

  return {
    head: () => head,
    term: () => term,
    versionOf: (stream) => versions.get(stream) ?? (isComplete ? 0 : null),
    findAppend(appendId) {
      const known = appends.get(appendId);
      return known && known.at >= oldestKept() ? known.found : null;
    },
    missingOf({ streams, appendIds }) {
      if (isComplete) return null;
      const missing = {
        streams: [...new Set(streams)].filter((stream) => !versions.has(stream)),
        appendIds: [...new Set(appendIds)].filter((appendId) => isKeyed(appendId) && !appends.has(appendId)),
      };
      return missing.streams.length + missing.appendIds.length > 0 ? missing : null;
    },
    addFound(asked, found) {
      const versionsFound = new Map(found.versions);
      for (const stream of asked.streams) {
        // What was applied meanwhile is newer than what was found.
        if (!versions.has(stream)) setVersion(stream, versionsFound.get(stream) ?? 0);
      }
      for (const appendId of asked.appendIds) {
        if (!appends.has(appendId)) setAppend(appendId, { found: null, at: head.at });
      }
      for (const kept of found.appends) remember(kept);
    },
    apply(commit) {
      const { slot, first, count, at, hash, events } = commit;
      if (slot !== head.slot + 1) throw new Error(`slot ${slot} does not follow ${head.slot}`);
      if (first !== head.position + 1) {
        const message = `slot ${slot} begins at position ${first}, not at ${head.position + 1}`;
        throw new AppError('log_corrupt', message, { details: { slot } });
      }
      for (const { stream, version } of events ?? []) if (version > 0) setVersion(stream, version);
      for (const kept of appendsOf(commit)) {
        remember(kept);
        term = Math.max(term, kept.append.term ?? 0);
      }
      head = { slot, position: first + count - 1, at, hash };
      forgetOld();
    },
  };
}

/** @returns false: the map was full, and its first entry made way */
function putLast<V>(map: Map<string, V>, [key, value]: [string, V], max: number): boolean {
  map.delete(key);
  map.set(key, value);
  if (map.size <= max) return true;
  const [first] = map.keys();
  if (first !== undefined) map.delete(first);
  return false;
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

/** Every stream it is asked about is known. */
export function createDraft(state: LogState): Draft {
  const versions = new Map<string, number>();
  let term = state.term();
  const versionOf = (stream: string): number => {
    const version = versions.get(stream) ?? state.versionOf(stream);
    if (version === null) throw new Error(`${stream} was not looked up`);
    return version;
  };
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
