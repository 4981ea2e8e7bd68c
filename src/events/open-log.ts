/** Owns which log a configuration means: MongoDB where a URL is given, else the embedded file. */

import { join } from 'node:path';
import { type Db, MongoClient } from 'mongodb';
import { systemClock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import { createCommitLog } from './log/commit-log.ts';
import type { CommitStore } from './log/commit-store.ts';
import type { EventLog } from './log/event-log.ts';
import { createLogReader, type LogReader } from './log/log-reader.ts';
import { createMongoStore } from './stores/mongo-store.ts';
import { createSqliteStore } from './stores/sqlite/sqlite-store.ts';

export type OpenLog = {
  log: EventLog;
  /** The database beside the log, for collections that people read; null with the embedded log. */
  db: Db | null;
};

type Where = { mongodbUrl: string | null; dataDir: string };
type Deps = { writer: string; logger: Logger };

/** A log that somebody else may be writing. */
export type ReadableLog = {
  log: LogReader;
  /** As of `OpenLog`. */
  db: Db | null;
  close(): Promise<void>;
};

export type LogPlace = { mongodbUrl: string } | { sqlitePath: string };

export type OpenStore = { store: CommitStore; db: Db | null; close(): Promise<void> };

/** The database of a URL that names none. */
const databaseDefault = 'co';

/** @throws AppError `log_unavailable` · `log_locked` · `log_corrupt` · `log_missing` */
export async function openLog({ mongodbUrl, dataDir }: Where, deps: Deps): Promise<OpenLog> {
  if (mongodbUrl !== null) return openMongoLog(mongodbUrl, deps);
  const store = await createSqliteStore({ path: join(dataDir, 'events.sqlite') });
  try {
    return { log: await createCommitLog({ store, clock: systemClock, logger: deps.logger }, deps), db: null };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/**
 * For reading only, also beside whoever writes: takes no lock, makes no index, checks nothing.
 * @throws AppError `log_missing` · `log_unavailable` · `log_corrupt`
 */
export async function openLogForReading(place: LogPlace, { logger }: { logger: Logger }): Promise<ReadableLog> {
  const { store, db, close } = await openStoreAt(place, { logger, isReadOnly: true });
  return { log: createLogReader(store), db, close };
}

/**
 * The store beneath the log, for bringing commits in as they are. A SQLite file is made when there is none, and locked.
 * @throws AppError `log_locked` · `log_unavailable` · `log_corrupt`
 */
export function openStore(place: LogPlace, { logger }: { logger: Logger }): Promise<OpenStore> {
  return openStoreAt(place, { logger, isReadOnly: false });
}

async function openStoreAt(
  place: LogPlace,
  { logger, isReadOnly }: { logger: Logger; isReadOnly: boolean },
): Promise<OpenStore> {
  if ('sqlitePath' in place) {
    const store = await createSqliteStore({ path: place.sqlitePath, isReadOnly });
    return { store, db: null, close: () => store.close() };
  }
  const client = createMongoClient(place.mongodbUrl);
  try {
    const { hosts, database } = readUrl(place.mongodbUrl);
    const db = client.db(database);
    const description = `mongodb ${hosts}/${database}`;
    const store = await createMongoStore({ db, logger }, { description, isReadOnly });
    const close = async () => {
      await store.close();
      await client.close();
    };
    return { store, db, close };
  } catch (error) {
    await client.close();
    throw error;
  }
}

async function openMongoLog(mongodbUrl: string, deps: Deps): Promise<OpenLog> {
  const { store, db, close: closeStore } = await openStore({ mongodbUrl }, deps);
  try {
    const log = await createCommitLog({ store, clock: systemClock, logger: deps.logger }, deps);
    const close = async () => {
      await log.close();
      await closeStore();
    };
    return { log: { ...log, close }, db };
  } catch (error) {
    await closeStore();
    throw error;
  }
}

/** Each wait of the driver ends: by default several of them never do. */
export function createMongoClient(url: string): MongoClient {
  return new MongoClient(url, {
    appName: 'container-orchestrator',
    connectTimeoutMS: 5_000,
    serverSelectionTimeoutMS: 5_000,
    socketTimeoutMS: 10_000,
    waitQueueTimeoutMS: 5_000,
    // Commits are written one at a time; the rest is for readers.
    maxPoolSize: 20,
  });
}

/** What of a URL may be shown: never user or password. */
function readUrl(url: string): { hosts: string; database: string } {
  const [, hosts = '', database = ''] = /^mongodb(?:\+srv)?:\/\/(?:[^@/]*@)?([^/?]*)(?:\/([^?]*))?/.exec(url) ?? [];
  return { hosts, database: database || databaseDefault };
}
