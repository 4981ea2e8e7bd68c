/** Reads a log from its store, the same for its writer and for a process that reads beside the writer. */

import type { ReadableStore } from './commit-store.ts';
import type { EventLog } from './event-log.ts';
import { readEvents } from './read-events.ts';

/** The half of the port that changes nothing. */
export type LogReader = Pick<
  EventLog,
  'read' | 'readCommits' | 'readCommitAt' | 'readCommitBefore' | 'head' | 'description'
>;

export function createLogReader(store: ReadableStore): LogReader {
  return {
    read: (query) => readEvents(store, query),
    readCommits: ({ afterSlot, limit = 1000 }) => store.readRange({ afterSlot, limit }),
    async readCommitAt(position) {
      const slot = await store.slotOf({ position });
      const commit = slot === 0 ? null : await store.readSlot(slot);
      return commit && position < commit.first + commit.count ? commit : null;
    },
    async readCommitBefore(time) {
      const slot = await store.slotOf({ time });
      return slot === 0 ? null : store.readSlot(slot);
    },
    head: () => store.head(),
    description: store.description,
  };
}
