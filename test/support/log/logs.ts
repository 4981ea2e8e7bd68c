/** A log of every kind for tests: where its commits are, who writes them, and that nothing is left behind. */

import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock } from '../../../src/clock.ts';
import { createCommitLog } from '../../../src/events/log/commit-log.ts';
import type { CommitStore } from '../../../src/events/log/commit-store.ts';
import type { EventLog } from '../../../src/events/log/event-log.ts';
import { createMongoClient } from '../../../src/events/stores/mongo/mongo-connection.ts';
import { createMongoStore } from '../../../src/events/stores/mongo/mongo-store.ts';
import { createSqliteStore } from '../../../src/events/stores/sqlite/sqlite-store.ts';
import { silentLogger } from '../../../src/logger.ts';
import { createMemoryStore } from './memory-store.ts';

/** Where the commits of one log are kept. */
export type LogPlace = {
  /** A process at the log; it closes with its log. */
  openStore(): Promise<CommitStore>;
  /** Takes the commits away; every log at them is closed by its own test. */
  remove(): Promise<void>;
};

export type LogKind = {
  name: 'memory' | 'memory that forgets' | 'sqlite' | 'mongodb';
  /** Several processes may write. */
  isShared: boolean;
  /** Why it cannot be tested here; null when it can. */
  whyNot: string | null;
  createPlace(): Promise<LogPlace>;
};

/** A log too long for what a writer knows: everything is looked up in its store. */
export const forgetfulLog: LogKind = {
  name: 'memory that forgets',
  isShared: true,
  whyNot: null,
  createPlace: () => createMemoryPlace({ isForgetful: true }),
};

export const mongodbUrl = process.env.CO_TEST_MONGODB_URL;

export const logKinds: readonly LogKind[] = [
  { name: 'memory', isShared: true, whyNot: null, createPlace: () => createMemoryPlace() },
  { name: 'sqlite', isShared: false, whyNot: null, createPlace: createSqlitePlace },
  {
    name: 'mongodb',
    isShared: true,
    whyNot: mongodbUrl ? null : 'CO_TEST_MONGODB_URL is not set',
    createPlace: () => createMongoPlace(mongodbUrl!),
  },
];

async function createMemoryPlace({ isForgetful = false } = {}): Promise<LogPlace> {
  const commits: string[] = [];
  const listeners = new Set<(slot: number) => void>();
  return { openStore: async () => createMemoryStore({ commits, listeners, isForgetful }), remove: async () => {} };
}

async function createSqlitePlace(): Promise<LogPlace> {
  const folder = await mkdtemp(join(tmpdir(), 'co-log-'));
  return {
    openStore: () => createSqliteStore({ path: join(folder, 'events.sqlite') }),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** @param through the URL that the logs use; the database is made and dropped directly */
export async function createMongoPlace(url: string, through: string = url): Promise<LogPlace> {
  const database = `co-test-${randomUUID().slice(0, 13)}`;
  return {
    async openStore() {
      const client = createMongoClient(through);
      const store = await createMongoStore(
        { db: client.db(database), logger: silentLogger },
        { description: 'mongodb' },
      );
      const close = async () => {
        await store.close();
        await client.close();
      };
      return { ...store, close };
    },
    async remove() {
      const client = createMongoClient(url);
      await client.db(database).dropDatabase();
      await client.close();
    },
  };
}

export async function openLogAt(
  place: LogPlace,
  options: { writer?: string; clock?: Pick<Clock, 'nowMs'>; wrap?: (store: CommitStore) => CommitStore } = {},
): Promise<EventLog> {
  const { writer = 'test', clock = systemClock, wrap = (store) => store } = options;
  const store = wrap(await place.openStore());
  try {
    return await createCommitLog({ store, clock, logger: silentLogger }, { writer });
  } catch (error) {
    await store.close();
    throw error;
  }
}
