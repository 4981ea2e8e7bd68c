/** The commit store in the memory of one process, for tests and simulations: the same answers as a database, nothing kept. */

import { AppError } from '../../../src/errors.ts';
import type { CommitRange, CommitStore, EventFilter, PreparedCommit } from '../../../src/events/log/commit-store.ts';
import { emptyHead, type LogHead } from '../../../src/events/log/event-log.ts';
import { appendsOf } from '../../../src/events/log/log-state.ts';
import type { Commit } from '../../../src/events/schema/event.ts';

export type MemoryStore = CommitStore & {
  /** While away every call fails with `log_unavailable`. */
  setAway(isAway: boolean): void;
};

export type MemoryStoreOptions = {
  /** Several stores over the same commits are several processes at one database. */
  commits?: string[];
  listeners?: Set<(slot: number) => void>;
  /** Tells nothing at the start, like the store of a long log. */
  isForgetful?: boolean;
};

export function createMemoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  const { commits = [], listeners = new Set(), isForgetful = false } = options;
  let isAway = false;
  const answer = async <T>(read: () => T): Promise<T> => {
    if (isAway) throw new AppError('log_unavailable', 'the store in memory is away', { retryable: true });
    return read();
  };
  /** Kept as text: what a reader gets shares nothing with what a writer gave. */
  const at = (slot: number): Commit | null => {
    const text = commits[slot - 1];
    return text === undefined ? null : (JSON.parse(text) as Commit);
  };
  const head = (): LogHead => {
    const last = at(commits.length);
    if (!last) return emptyHead;
    return { slot: last.slot, position: last.first + last.count - 1, at: last.at, hash: last.hash };
  };
  const versions = () => {
    const found = new Map<string, number>();
    for (const { stream, version } of all().flatMap(({ events }) => events ?? [])) {
      if (version > 0) found.set(stream, version);
    }
    return found;
  };
  const all = () => commits.map((_, index) => at(index + 1)!);

  return {
    description: 'memory',
    readIndex: () =>
      answer(() => {
        const appends = all().flatMap(appendsOf);
        const term = appends.reduce((highest, { append }) => Math.max(highest, append.term ?? 0), 0);
        return { head: head(), term, known: isForgetful ? null : { versions: versions(), appends } };
      }),
    lookUp: ({ streams, appendIds }) =>
      answer(() => ({
        versions: [...versions()].filter(([stream]) => streams.includes(stream)),
        appends: all()
          .flatMap(appendsOf)
          .filter(({ append }) => appendIds.includes(append.appendId)),
      })),
    insert: ({ commit }: PreparedCommit) =>
      answer(() => {
        if (commit.slot <= commits.length) return 'taken';
        if (commit.slot !== commits.length + 1) throw new Error(`slot ${commit.slot} would leave a hole`);
        commits.push(JSON.stringify(commit));
        for (const listener of listeners) queueMicrotask(() => listener(commit.slot));
        return 'inserted';
      }),
    readSlot: (slot) => answer(() => at(slot)),
    readRange: (range) => answer(() => select(all(), range)),
    head: () => answer(head),
    slotOf: (wanted) =>
      answer(() => {
        const isNotAfter = (commit: Commit) =>
          'position' in wanted ? commit.first <= wanted.position : commit.at <= wanted.time;
        return all().findLast(isNotAfter)?.slot ?? 0;
      }),
    onInserted(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    prune: ({ afterSlot = 0, throughSlot }) =>
      answer(() => {
        const inRange = all().slice(afterSlot, throughSlot);
        const pruned = inRange.filter(({ class: eventClass, events }) => eventClass === 'telemetry' && events);
        for (const commit of pruned) commits[commit.slot - 1] = JSON.stringify({ ...commit, events: null });
        return { commits: pruned.length, events: pruned.reduce((sum, { count }) => sum + count, 0) };
      }),
    setAway(away) {
      isAway = away;
    },
    async close() {},
  };
}

function select(commits: Commit[], range: CommitRange): Commit[] {
  const { afterSlot, toSlot = Number.POSITIVE_INFINITY, limit, direction = 'forward', about } = range;
  const found = commits.filter(
    (commit) => commit.slot > afterSlot && commit.slot <= toSlot && (!about || isAbout(commit, about)),
  );
  return (direction === 'backward' ? found.reverse() : found).slice(0, limit);
}

/** By class alone; the rest of the filter is a help that a few commits in memory do not need. */
const isAbout = (commit: Commit, { class: eventClass }: EventFilter) => !eventClass || commit.class === eventClass;
