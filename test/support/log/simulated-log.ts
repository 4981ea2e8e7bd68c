/** A log of events that a simulation wrote: their ids, times and causes stay as they are, and every read is counted. */

import { createCommitLog } from '../../../src/events/log/commit-log.ts';
import type { CommitStore } from '../../../src/events/log/commit-store.ts';
import { type EventLog, emptyHead } from '../../../src/events/log/event-log.ts';
import { subjectsFor } from '../../../src/events/log/filter-subjects.ts';
import { readEvents } from '../../../src/events/log/read-events.ts';
import { canonicalJson } from '../../../src/events/schema/canonical-json.ts';
import type { Commit, LogEvent } from '../../../src/events/schema/event.ts';
import { hashBody, hashCommit } from '../../../src/events/schema/hash.ts';
import { subjectsOf } from '../../../src/events/schema/subjects.ts';
import { silentLogger } from '../../../src/logger.ts';
import { createMemoryStore } from './memory-store.ts';

/** One event a commit, as the simulation appends them. */
function commitsOf(events: readonly LogEvent[]): Commit[] {
  let previous = emptyHead.hash;
  return events.map((event, index) => {
    const { position, stream, version, type, schemaVersion, at, data, meta } = event;
    const { commitId: _, term: __, ...kept } = meta;
    const stored = { stream, version, type, schemaVersion, data, meta: kept };
    const header = {
      slot: index + 1,
      first: position,
      count: 1,
      at,
      class: version === 0 ? ('telemetry' as const) : ('fact' as const),
      writer: 'simulation',
      commitId: `c${position}`,
      appends: [{ appendId: `00000000-0000-4000-8000-${String(position).padStart(12, '0')}`, count: 1 }],
      bodyHash: hashBody([canonicalJson(stored)]),
    };
    previous = hashCommit(previous, header);
    return { ...header, hash: previous, events: [stored] };
  });
}

/** The whole port, for a server. */
export function openSimulatedLog(events: readonly LogEvent[], nowMs: () => number): Promise<EventLog> {
  const store = createMemoryStore({ commits: commitsOf(events).map((commit) => JSON.stringify(commit)) });
  return createCommitLog({ store, clock: { nowMs }, logger: silentLogger }, { writer: 'test' });
}

export type CountingLog = Pick<EventLog, 'read' | 'head'> & {
  /** Since the last question. */
  count(): { reads: number; commits: number };
};

/** Answers queries like a store with an index on what commits are about, and counts what that costs. */
export function createCountingLog(events: readonly LogEvent[]): CountingLog {
  const commits = commitsOf(events);
  const subjects = commits.map((commit) => subjectsOf(commit.events ?? []));
  const last = commits.at(-1);
  const head = last ? { slot: last.slot, position: last.first, at: last.at, hash: last.hash } : emptyHead;
  let counted = { reads: 0, commits: 0 };

  const store: Pick<CommitStore, 'head' | 'slotOf' | 'readRange'> = {
    head: async () => head,
    slotOf: async (wanted) => {
      if ('position' in wanted) return Math.min(wanted.position, commits.length);
      return commits.findLastIndex(({ at }) => at <= wanted.time) + 1;
    },
    async readRange({ afterSlot, toSlot = commits.length, limit, direction = 'forward', about }) {
      const wanted = about ? subjectsFor(about) : null;
      const found: Commit[] = [];
      const isForward = direction === 'forward';
      for (
        let slot = isForward ? afterSlot + 1 : toSlot;
        found.length < limit && slot > afterSlot && slot <= toSlot;
        slot += isForward ? 1 : -1
      ) {
        if (!wanted || wanted.some((subject) => subjects[slot - 1]!.has(subject))) found.push(commits[slot - 1]!);
      }
      counted.commits += found.length;
      return found;
    },
  };

  return {
    head: async () => head,
    read(query) {
      counted.reads += 1;
      return readEvents(store as CommitStore, query);
    },
    count() {
      const result = counted;
      counted = { reads: 0, commits: 0 };
      return result;
    },
  };
}
