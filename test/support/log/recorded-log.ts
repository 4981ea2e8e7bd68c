/** Logs with a history in them, in a file or a database of their own, for programs that read logs from outside. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type HistoryShape, writeHistory } from '../../../bench/fold-history.ts';
import { createCommitLog } from '../../../src/events/log/commit-log.ts';
import type { EventLog } from '../../../src/events/log/event-log.ts';
import { type NewEvent, streams } from '../../../src/events/schema/event.ts';
import { createMongoClient } from '../../../src/events/stores/mongo/mongo-connection.ts';
import { createMongoStore } from '../../../src/events/stores/mongo/mongo-store.ts';
import { createSqliteStore } from '../../../src/events/stores/sqlite/sqlite-store.ts';
import { silentLogger } from '../../../src/logger.ts';
import { clusterId, epochMs } from './history.ts';

const smallCluster: HistoryShape = { nodes: 6, services: 3, replicas: 4 };
const batches = 60;

const created: NewEvent = {
  stream: streams.cluster,
  type: 'ClusterCreated',
  data: { clusterId, name: 'test' },
  meta: { actor: 'person:test', causationId: null },
};

/** Appends a history, a batch a second of log time. */
export async function record(log: EventLog, clock: { nowMs: number }, count = batches): Promise<void> {
  await log.append([created]);
  let written = 0;
  for (const batch of writeHistory(smallCluster)) {
    clock.nowMs += 1_000;
    await log.append(batch);
    written += 1;
    if (written === count) return;
  }
}

export type RecordedFile = {
  folder: string;
  path: string;
  /** Changes what is in the file behind everybody's back. */
  tamper(sql: string): void;
  remove(): Promise<void>;
};

/** A SQLite file whose history began at a time, and has nothing else yet. */
export async function beginFile(path: string, atMs: number): Promise<void> {
  const store = await createSqliteStore({ path });
  const log = await createCommitLog({ store, clock: { nowMs: () => atMs }, logger: silentLogger }, { writer: 'test' });
  await log.append([created]);
  await log.close();
}

/** A SQLite file with a history; nobody has it open. */
export async function recordFile(count = batches): Promise<RecordedFile> {
  const folder = await mkdtemp(join(tmpdir(), 'co-recorded-'));
  const path = join(folder, 'events.sqlite');
  const clock = { nowMs: epochMs };
  const store = await createSqliteStore({ path });
  const deps = { store, clock: { nowMs: () => clock.nowMs }, logger: silentLogger };
  const log = await createCommitLog(deps, { writer: 'test' });
  await record(log, clock, count);
  await log.close();
  return {
    folder,
    path,
    tamper(sql) {
      const database = new DatabaseSync(path);
      database.exec(sql);
      database.close();
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** A database with a history; the log is closed. */
export async function recordDatabase(url: string, database: string) {
  const clock = { nowMs: epochMs };
  const client = createMongoClient(url);
  const db = client.db(database);
  const store = await createMongoStore({ db, logger: silentLogger }, { description: 'mongodb' });
  const log = await createCommitLog(
    { store, clock: { nowMs: () => clock.nowMs }, logger: silentLogger },
    { writer: 'test' },
  );
  await record(log, clock);
  await log.close();
  return {
    db,
    /** Of the database itself: what `--mongodb` is given. */
    url: urlOf(url, database),
    async remove() {
      await db.dropDatabase();
      await client.close();
    },
  };
}

/** A database that is not there yet. */
export function emptyDatabase(url: string, database: string) {
  return {
    url: urlOf(url, database),
    async remove() {
      const client = createMongoClient(url);
      await client.db(database).dropDatabase();
      await client.close();
    },
  };
}

function urlOf(url: string, database: string): string {
  const at = new URL(url);
  at.pathname = `/${database}`;
  return at.href;
}
