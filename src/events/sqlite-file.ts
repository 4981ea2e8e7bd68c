/**
 * Owns the file of the embedded log: its tables, the statements on them, and the lock that keeps a second writer out.
 * Synchronous: it lives in a worker thread.
 */

import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite';
import { AppError } from '../errors.ts';

/** A commit as its row: `appends` and `events` are RFC 8785 text; `events` is null once pruned. */
export type CommitRow = {
  slot: number;
  first: number;
  count: number;
  at: string;
  class: string;
  writer: string;
  commitId: string;
  appends: string;
  bodyHash: string;
  hash: string;
  events: string | null;
};

/** What is kept beside a commit, in the same transaction. */
export type RowIndex = {
  subjects: string[];
  versions: [stream: string, version: number][];
  /** Those that can come again. */
  appends: { appendId: string; first: number; append: string }[];
  term: number;
};

export type RowRange = {
  afterSlot: number;
  toSlot: number;
  limit: number;
  isBackward: boolean;
  class: string | null;
  subjects: string[] | null;
};

export type SqliteFile = ReturnType<typeof openSqliteFile>;

const formatVersion = 1;
/** The pages of the indexes that a busy log touches. */
const cacheKibibytes = 64 * 1024;
const walBytesMax = 64 * 1024 * 1024;
/** An answer crosses to another thread in one piece. */
const rangeBytesMax = 4 * 1024 * 1024;
/** Telemetry of a quarter of an hour at a time: an append never waits longer behind it. */
const pruneStep = 1_000;

const tables = `
  CREATE TABLE commits (
    slot INTEGER PRIMARY KEY, first INTEGER NOT NULL, count INTEGER NOT NULL, at TEXT NOT NULL, class TEXT NOT NULL,
    writer TEXT NOT NULL, commitId TEXT NOT NULL, appends TEXT NOT NULL, bodyHash TEXT NOT NULL, hash TEXT NOT NULL,
    events TEXT
  ) STRICT;
  CREATE INDEX commits_first ON commits (first);
  CREATE INDEX commits_at ON commits (at);
  CREATE TABLE subjects (subject TEXT, slot INTEGER, PRIMARY KEY (subject, slot)) STRICT, WITHOUT ROWID;
  CREATE TABLE versions (stream TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE appends (appendId TEXT PRIMARY KEY, first INTEGER NOT NULL, at TEXT NOT NULL, append TEXT NOT NULL)
    STRICT, WITHOUT ROWID;
  CREATE INDEX appends_at ON appends (at);
  CREATE TABLE terms (term INTEGER PRIMARY KEY) STRICT;
  PRAGMA user_version = ${formatVersion};
`;

/** @throws AppError `log_locked` · `log_corrupt` · `log_missing` (no file to read, or no place to write) */
export function openSqliteFile(path: string, { isReadOnly }: { isReadOnly: boolean }) {
  if (!isReadOnly) makeFolder(dirname(path));
  const lock = isReadOnly ? null : takeLock(`${path}.lock`);
  const database = openDatabase(path, isReadOnly);
  const prepare = (sql: string) => database.prepare(sql);
  const columns = 'slot, first, count, at, class, writer, commitId, appends, bodyHash, hash, events';

  const insertCommit = isReadOnly ? null : prepare(`INSERT INTO commits (${columns}) VALUES (${marks(11)})`);
  const insertSubject = isReadOnly ? null : prepare('INSERT INTO subjects VALUES (?, ?)');
  const setVersion = isReadOnly ? null : prepare('INSERT OR REPLACE INTO versions VALUES (?, ?)');
  const insertAppend = isReadOnly ? null : prepare('INSERT OR REPLACE INTO appends VALUES (?, ?, ?, ?)');
  const dropAppends = isReadOnly ? null : prepare('DELETE FROM appends WHERE at < ?');
  const insertTerm = isReadOnly ? null : prepare('INSERT OR IGNORE INTO terms VALUES (?)');
  const bySlot = prepare(`SELECT ${columns} FROM commits WHERE slot = ?`);
  const forward = prepare(
    `SELECT ${columns} FROM commits WHERE slot > ? AND slot <= ? AND class = ifnull(?, class) ORDER BY slot LIMIT ?`,
  );
  const backward = prepare(
    `SELECT ${columns} FROM commits WHERE slot > ? AND slot <= ? AND class = ifnull(?, class) ORDER BY slot DESC LIMIT ?`,
  );
  const slotsForward = prepare(
    'SELECT slot FROM subjects WHERE subject = ? AND slot > ? AND slot <= ? ORDER BY slot LIMIT ?',
  );
  const slotsBackward = prepare(
    'SELECT slot FROM subjects WHERE subject = ? AND slot > ? AND slot <= ? ORDER BY slot DESC LIMIT ?',
  );
  const atPosition = prepare('SELECT slot FROM commits WHERE first <= ? ORDER BY first DESC LIMIT 1');
  const atTime = prepare('SELECT slot FROM commits WHERE at <= ? ORDER BY at DESC, slot DESC LIMIT 1');
  const last = prepare('SELECT slot, first, count, at, hash FROM commits ORDER BY slot DESC LIMIT 1');

  const transaction = <T>(body: () => T): T => {
    database.exec('BEGIN IMMEDIATE');
    try {
      const result = body();
      database.exec('COMMIT');
      return result;
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  };

  const findSlots = ({ afterSlot, toSlot, limit, isBackward }: RowRange, subjects: string[]): number[] => {
    const find = isBackward ? slotsBackward : slotsForward;
    const found = subjects.flatMap((subject) => find.all(subject, afterSlot, toSlot, limit) as { slot: number }[]);
    const slots = [...new Set(found.map(({ slot }) => slot))].sort((a, b) => (isBackward ? b - a : a - b));
    return slots.slice(0, limit);
  };

  function* rowsOf(range: RowRange): Generator<CommitRow> {
    const { afterSlot, toSlot, limit, isBackward, subjects } = range;
    if (subjects) {
      for (const slot of findSlots(range, subjects)) yield bySlot.get(slot) as CommitRow;
      return;
    }
    const rows = (isBackward ? backward : forward).iterate(afterSlot, toSlot, range.class, limit);
    yield* rows as Iterable<Record<string, SQLOutputValue>> as Iterable<CommitRow>;
  }

  return {
    /** `taken`: a row has the slot. */
    insert(row: CommitRow, index: RowIndex, forgetBefore: string): 'inserted' | 'taken' {
      try {
        return transaction(() => {
          const { slot, first, count, at, writer, commitId, appends, bodyHash, hash, events } = row;
          insertCommit!.run(slot, first, count, at, row.class, writer, commitId, appends, bodyHash, hash, events);
          for (const subject of index.subjects) insertSubject!.run(subject, slot);
          for (const [stream, version] of index.versions) setVersion!.run(stream, version);
          for (const { appendId, first: begin, append } of index.appends)
            insertAppend!.run(appendId, begin, at, append);
          if (index.appends.length > 0) dropAppends!.run(forgetBefore);
          if (index.term > 0) insertTerm!.run(index.term);
          return 'inserted';
        });
      } catch (error) {
        if ((error as { errcode?: number }).errcode === constraintPrimaryKey && bySlot.get(row.slot)) return 'taken';
        throw error;
      }
    },
    readSlot: (slot: number) => (bySlot.get(slot) as CommitRow | undefined) ?? null,
    readRange(range: RowRange): CommitRow[] {
      const rows: CommitRow[] = [];
      let bytes = 0;
      for (const row of rowsOf(range)) {
        rows.push(row);
        bytes += row.events?.length ?? 0;
        if (bytes >= rangeBytesMax) break;
      }
      return rows;
    },
    head: () => (last.get() as Pick<CommitRow, 'slot' | 'first' | 'count' | 'at' | 'hash'> | undefined) ?? null,
    slotOf(wanted: { position: number } | { time: string }): number {
      const row = 'position' in wanted ? atPosition.get(wanted.position) : atTime.get(wanted.time);
      return (row as { slot: number } | undefined)?.slot ?? 0;
    },
    readIndex: () => ({
      versions: prepare('SELECT stream, version FROM versions').all() as { stream: string; version: number }[],
      appends: prepare('SELECT first, at, append FROM appends ORDER BY at, first').all() as {
        first: number;
        at: string;
        append: string;
      }[],
      term: (prepare('SELECT max(term) AS term FROM terms').get() as { term: number | null }).term ?? 0,
    }),
    /** Empties some of the oldest telemetry; nothing left when it answers 0 commits. */
    pruneSome(throughSlot: number): { commits: number; events: number } {
      const some = `SELECT slot FROM commits WHERE slot <= ? AND class = 'telemetry' AND events IS NOT NULL LIMIT ${pruneStep}`;
      const emptied = prepare(`UPDATE commits SET events = NULL WHERE slot IN (${some}) RETURNING count`).all(
        throughSlot,
      );
      return {
        commits: emptied.length,
        events: (emptied as { count: number }[]).reduce((sum, { count }) => sum + count, 0),
      };
    },
    close(): void {
      database.close();
      lock?.close();
    },
  };
}

const marks = (count: number) => Array.from({ length: count }, () => '?').join(', ');

/** SQLITE_CONSTRAINT_PRIMARYKEY */
const constraintPrimaryKey = 1555;
/** SQLITE_BUSY */
const busy = 5;

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new AppError('log_missing', `the folder ${folder} cannot be made: ${wordsOf(error)}`, { cause: error });
  }
}

/** Held as long as the process lives: whoever dies lets go of it. Readers need none. */
function takeLock(path: string): DatabaseSync {
  const lock = new DatabaseSync(path);
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock.close();
    if ((error as { errcode?: number }).errcode !== busy) throw corrupt(path, error);
    const message = `another process writes the log at ${path.replace(/\.lock$/, '')}: stop it first`;
    throw new AppError('log_locked', message, { cause: error });
  }
}

function openDatabase(path: string, isReadOnly: boolean): DatabaseSync {
  let database: DatabaseSync;
  try {
    database = new DatabaseSync(path, { readOnly: isReadOnly });
  } catch (error) {
    throw new AppError('log_missing', `the log at ${path} cannot be opened: ${wordsOf(error)}`, { cause: error });
  }
  try {
    if (!isReadOnly) {
      database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = ${walBytesMax}`);
    }
    database.exec(`PRAGMA cache_size = -${cacheKibibytes}`);
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
  new AppError('log_corrupt', `the log at ${path} cannot be read: ${wordsOf(error)}`, { cause: error });

const wordsOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
