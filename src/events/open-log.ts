/** Opens the log that a configuration means: MongoDB where a URL is given, else the embedded file. */

import { join } from 'node:path';
import type { Db } from 'mongodb';
import { systemClock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import { createCommitLog } from './log/commit-log.ts';
import type { CommitStore } from './log/commit-store.ts';
import type { EventLog } from './log/event-log.ts';
import { createLogReader, type LogReader } from './log/log-reader.ts';
import { createSqliteStore } from './stores/sqlite/sqlite-store.ts';

export type OpenLog = {
  log: EventLog;
  /** The database beside the log, for collections that people read; null with the embedded log. */
  db: Db | null;
};

/** `mongodbCa`: path of the authority, for TLS; without it as the URL says. */
type Where = { mongodbUrl: string | null; mongodbCa?: string | null; dataDir: string; isClockAccepted?: boolean };
type Deps = { writer: string; logger: Logger };

/** A log that another process may be writing. */
export type ReadableLog = {
  log: LogReader;
  /** As of `OpenLog`. */
  db: Db | null;
  /** As of `CommitStore`. */
  check(): Promise<string[]>;
  close(): Promise<void>;
};

export type LogPlace = { mongodbUrl: string; mongodbCa?: string | null } | { sqlitePath: string };

export type OpenStore = { store: CommitStore; db: Db | null; close(): Promise<void> };

/** @throws AppError `log_unavailable` · `log_locked` · `log_corrupt` · `log_missing` */
export async function openLog(where: Where, deps: Deps): Promise<OpenLog> {
  const { mongodbUrl, mongodbCa = null, dataDir, isClockAccepted = false } = where;
  if (mongodbUrl !== null) return openMongoLog({ mongodbUrl, mongodbCa }, { ...deps, isClockAccepted });
  const store = await createSqliteStore({ path: join(dataDir, 'events.sqlite') });
  try {
    return { log: await createCommitLog({ store, clock: systemClock, logger: deps.logger }, deps), db: null };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/**
 * For reading only, also beside a process that writes: takes no lock, makes no index, checks nothing.
 * @throws AppError `log_missing` · `log_unavailable` · `log_corrupt`
 */
export async function openLogForReading(place: LogPlace, { logger }: { logger: Logger }): Promise<ReadableLog> {
  const { store, db, close } = await openStoreAt(place, { logger, isReadOnly: true });
  const check = async () => (await store.check?.()) ?? [];
  return { log: createLogReader(store), db, check, close };
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
  // The driver is loaded where there is a database: its code and its buffers take more memory than an embedded log.
  const { openMongoStore } = await import('./stores/mongo/mongo-connection.ts');
  return openMongoStore(place.mongodbUrl, { ca: place.mongodbCa ?? null, logger, isReadOnly });
}

async function openMongoLog(place: LogPlace, deps: Deps & { isClockAccepted: boolean }): Promise<OpenLog> {
  const { logger, isClockAccepted } = deps;
  const { store, db, close: closeStore } = await openStore(place, deps);
  try {
    const { openDatabaseClock } = await import('./stores/mongo/database-clock.ts');
    const clock = await openDatabaseClock({ db: db!, logger }, { isAccepted: isClockAccepted });
    const log = await createCommitLog({ store, clock, logger }, deps);
    const close = async () => {
      clock.close();
      await log.close();
      await closeStore();
    };
    return { log: { ...log, close }, db };
  } catch (error) {
    await closeStore();
    throw error;
  }
}
