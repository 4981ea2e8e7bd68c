/**
 * The file of the embedded log: its commits, the statements on them, and the lock that keeps a second writer out.
 * Synchronous: it lives in a worker thread.
 */

import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AppError, errorMessage } from '../../../errors.ts';
import type { Pruned } from '../../log/event-log.ts';
import { typeKey } from '../../schema/subjects.ts';
import { type CommitRow, type PackedRows, packRows, type RowRange } from './commit-row.ts';
import { type FileLock, takeFileLock } from './file-lock.ts';
import { createSqliteIndex, indexTables } from './index-tables.ts';

export type SqliteFile = ReturnType<typeof openSqliteFile>;

const formatVersion = 1;
/** The pages of the indexes that a busy log touches. */
const cacheKibibytes = 64 * 1024;
/** A reader goes through the file once, or follows one index. */
const readerCacheKibibytes = 8 * 1024;
/** A shell or a backup tool may hold a transaction for a second. */
const busyTimeoutMs = 2_000;
/** More than a log will ever have. */
const correctionsMax = 1_000;
const walBytesMax = 64 * 1024 * 1024;
/** An answer crosses to another thread in one piece, and is parsed as a whole before its first commit is folded: what is larger outlives the young generation of the heap. */
const rangeBytesMax = 128 * 1024;
/** Telemetry of a quarter of an hour at a time: an append never waits longer behind it. */
const pruneStep = 1_000;
const isPrunable = "class = 'telemetry' AND events IS NOT NULL";

const tables = `
  CREATE TABLE commits (
    slot INTEGER PRIMARY KEY, first INTEGER NOT NULL, count INTEGER NOT NULL, at TEXT NOT NULL, class TEXT NOT NULL,
    writer TEXT NOT NULL, commitId TEXT NOT NULL, appends TEXT NOT NULL, bodyHash TEXT NOT NULL, hash TEXT NOT NULL,
    events TEXT
  ) STRICT;
  ${indexTables}
  PRAGMA user_version = ${formatVersion};
`;
const columns = 'slot, first, count, at, class, writer, commitId, appends, bodyHash, hash, events';
const everything = { toSlot: Number.MAX_SAFE_INTEGER, isBackward: false, class: null, subjects: null };

/** @throws AppError `log_locked` · `log_corrupt` · `log_missing` (no file to read, or no place to write) */
export function openSqliteFile(path: string, { isReadOnly }: { isReadOnly: boolean }) {
  if (!isReadOnly) makeFolder(dirname(path));
  const lock = isReadOnly ? null : takeLock(`${path}.lock`);
  const database = openDatabase(path, isReadOnly);
  const { bySlot, headerAt, last, range, insertCommit } = prepareStatements(database, isReadOnly);
  const index = createSqliteIndex(database, { isReadOnly });

  const readHead = () =>
    (last.get() as Pick<CommitRow, 'slot' | 'first' | 'count' | 'at' | 'hash'> | undefined) ?? null;
  index.resetBeyond(readHead()?.slot ?? 0);

  function* rowsOf(wanted: RowRange): Generator<CommitRow> {
    const { subjects, afterSlot, isBackward } = wanted;
    if (subjects === null) return yield* range(wanted);
    // What came last is not indexed yet: few enough to look at each.
    const newest = { ...wanted, afterSlot: Math.max(afterSlot, index.through()) };
    if (isBackward) yield* range(newest);
    for (const slot of index.findSlots(wanted, subjects)) yield bySlot.get(slot) as CommitRow;
    if (!isBackward) yield* range(newest);
  }

  return {
    /** `taken`: a row has the slot. */
    insert(row: CommitRow): 'inserted' | 'taken' {
      const { slot, first, count, at, writer, commitId, appends, bodyHash, hash, events } = row;
      try {
        insertCommit!.run(slot, first, count, at, row.class, writer, commitId, appends, bodyHash, hash, events);
        return 'inserted';
      } catch (error) {
        if ((error as { errcode?: number }).errcode === constraintPrimaryKey) return 'taken';
        throw error;
      }
    },
    /** One row or none. */
    readSlot: (slot: number) => packRows(bySlot.all(slot) as CommitRow[]),
    readRange(wanted: RowRange): PackedRows {
      const rows: CommitRow[] = [];
      let bytes = 0;
      for (const row of rowsOf(wanted)) {
        rows.push(row);
        bytes += row.events?.length ?? 0;
        if (rows.length >= wanted.limit || bytes >= rangeBytesMax) break;
      }
      return packRows(rows);
    },
    head: readHead,
    /** Slots are without a hole, positions and times rise with them, but where a clock was corrected: halving finds the last that is not after. */
    slotOf(wanted: { position: number } | { time: string }): number {
      let [low, high] =
        'position' in wanted
          ? [0, readHead()?.slot ?? 0]
          : risingSlots(wanted.time, { rowsOf, lastSlot: readHead()?.slot ?? 0 });
      while (low < high) {
        const middle = Math.ceil((low + high) / 2);
        const { first, at } = headerAt.get(middle) as Pick<CommitRow, 'first' | 'at'>;
        const isNotAfter = 'position' in wanted ? first <= wanted.position : at <= wanted.time;
        if (isNotAfter) low = middle;
        else high = middle - 1;
      }
      return low;
    },
    /** Indexes some of what is not indexed yet. @returns whether there may be more */
    indexSome: () => index.takeSome((afterSlot, limit) => [...range({ ...everything, afterSlot, limit })]),
    check: () => findDamage(database, { lastSlot: () => readHead()?.slot ?? 0, indexedSlot: index.through }),
    readIndex: (streamsMax: number) => ({ term: index.term(), known: index.readAll(streamsMax) }),
    lookUp: index.lookUp,
    pruneSome: (afterSlot: number, throughSlot: number) => pruneSome(database, afterSlot, throughSlot),
    close(): void {
      database.close();
      lock?.close();
    },
  };
}

/** The last run of rising times that begins not after a time, as bounds of a search: the first is before it, or in it. */
function risingSlots(
  time: string,
  { rowsOf, lastSlot }: { rowsOf: (wanted: RowRange) => Iterable<CommitRow>; lastSlot: number },
): [low: number, high: number] {
  const about = { ...everything, afterSlot: 0, limit: correctionsMax, isBackward: true };
  let high = lastSlot;
  for (const { slot, at, events } of rowsOf({ ...about, subjects: [typeKey('ClockCorrected')] })) {
    if (!events?.includes('"ClockCorrected"')) continue;
    if (at <= time) return [slot, high];
    high = slot - 1;
  }
  return [0, high];
}

/** In SQLite's own words, and whether the tables beside the commits are of them; empty when nothing is wrong. */
function findDamage(
  database: DatabaseSync,
  { lastSlot, indexedSlot }: { lastSlot: () => number; indexedSlot: () => number },
): string[] {
  try {
    const rows = database.prepare('PRAGMA integrity_check(5)').all() as { integrity_check: string }[];
    const wrong = rows.map(({ integrity_check: line }) => line).filter((line) => line !== 'ok');
    const [last, indexed] = [lastSlot(), indexedSlot()];
    if (indexed > last) wrong.push(`the index is ahead of the commits: slot ${indexed}, the last is ${last}`);
    return wrong;
  } catch (error) {
    return [errorMessage(error)];
  }
}

function prepareStatements(database: DatabaseSync, isReadOnly: boolean) {
  const inRange = 'SELECT * FROM commits WHERE slot > ? AND slot <= ? AND class = ifnull(?, class)';
  const forward = database.prepare(`${inRange} ORDER BY slot LIMIT ?`);
  const backward = database.prepare(`${inRange} ORDER BY slot DESC LIMIT ?`);
  return {
    bySlot: database.prepare('SELECT * FROM commits WHERE slot = ?'),
    headerAt: database.prepare('SELECT first, at FROM commits WHERE slot = ?'),
    last: database.prepare('SELECT slot, first, count, at, hash FROM commits ORDER BY slot DESC LIMIT 1'),
    range({ afterSlot, toSlot, limit, isBackward, class: wanted }: RowRange): Iterable<CommitRow> {
      const rows = (isBackward ? backward : forward).iterate(afterSlot, toSlot, wanted, limit);
      return rows as Iterable<unknown> as Iterable<CommitRow>;
    },
    insertCommit: isReadOnly ? null : database.prepare(`INSERT INTO commits (${columns}) VALUES (${marks(11)})`),
  };
}

/** Empties some of the oldest telemetry; nothing was left when it answers 0 commits. */
function pruneSome(database: DatabaseSync, afterSlot: number, throughSlot: number): Pruned {
  const some = `SELECT slot FROM commits WHERE slot > ? AND slot <= ? AND ${isPrunable} LIMIT ${pruneStep}`;
  const prune = database.prepare(`UPDATE commits SET events = NULL WHERE slot IN (${some}) RETURNING count`);
  const emptied = prune.all(afterSlot, throughSlot) as { count: number }[];
  return { commits: emptied.length, events: emptied.reduce((sum, { count }) => sum + count, 0) };
}

const marks = (count: number) => Array.from({ length: count }, () => '?').join(', ');

/** SQLITE_CONSTRAINT_PRIMARYKEY */
const constraintPrimaryKey = 1555;

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new AppError('log_missing', `the folder ${folder} cannot be made: ${errorMessage(error)}`, { cause: error });
  }
}

/** Held as long as the process lives. Readers need none. @throws AppError `log_locked` · `log_corrupt` */
export function takeLock(path: string): FileLock {
  let lock: FileLock | null;
  try {
    lock = takeFileLock(path);
  } catch (error) {
    throw corrupt(path, error);
  }
  if (lock) return lock;
  throw new AppError('log_locked', `another process writes the log at ${path.replace(/\.lock$/, '')}: stop it first`);
}

function openDatabase(path: string, isReadOnly: boolean): DatabaseSync {
  let database: DatabaseSync;
  try {
    database = new DatabaseSync(path, { readOnly: isReadOnly });
  } catch (error) {
    throw new AppError('log_missing', `the log at ${path} cannot be opened: ${errorMessage(error)}`, { cause: error });
  }
  try {
    if (!isReadOnly) {
      database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = ${walBytesMax}`);
    }
    database.exec(
      `PRAGMA cache_size = -${isReadOnly ? readerCacheKibibytes : cacheKibibytes}; PRAGMA busy_timeout = ${busyTimeoutMs}`,
    );
    const { user_version: found } = database.prepare('PRAGMA user_version').get() as { user_version: number };
    if (found === 0 && !isReadOnly) database.exec(`BEGIN IMMEDIATE; ${tables} COMMIT`);
    else if (found !== formatVersion) {
      const rule = `the log at ${path} has format ${found}, this program knows ${formatVersion}`;
      throw new AppError('log_corrupt', rule);
    }
    return database;
  } catch (error) {
    database.close();
    throw error instanceof AppError ? error : corrupt(path, error);
  }
}

const corrupt = (path: string, error: unknown) =>
  new AppError('log_corrupt', `the log at ${path} cannot be read: ${errorMessage(error)}`, { cause: error });
