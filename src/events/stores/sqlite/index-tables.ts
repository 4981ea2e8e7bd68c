/**
 * The tables beside the commits that make looking things up quick: what each commit is about, the version of every
 * stream, appends that may come again, the term. All of it follows from the commits, so it is written some time after
 * them, many at once: an append waits for its own row and nothing else. A crash costs a few commits to index again.
 */

import type { DatabaseSync } from 'node:sqlite';
import { idempotencyMs } from '../../log/commit-store.ts';
import { appendsOf, isKeyed } from '../../log/log-state.ts';
import { canonicalJson } from '../../schema/canonical-json.ts';
import type { CommitAppend, StoredEvent } from '../../schema/event.ts';
import { subjectsOf } from '../../schema/subjects.ts';
import type { CommitRow, RowRange } from './commit-row.ts';

export const indexTables = `
  CREATE TABLE subjects (subject TEXT, slot INTEGER, PRIMARY KEY (subject, slot)) STRICT, WITHOUT ROWID;
  CREATE TABLE versions (stream TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE appends (appendId TEXT PRIMARY KEY, first INTEGER NOT NULL, at TEXT NOT NULL, append TEXT NOT NULL)
    STRICT, WITHOUT ROWID;
  CREATE INDEX appends_at ON appends (at);
  CREATE TABLE indexed (slot INTEGER NOT NULL, term INTEGER NOT NULL) STRICT;
  INSERT INTO indexed VALUES (0, 0);
`;

const emptyTables = `
  BEGIN IMMEDIATE; DELETE FROM subjects; DELETE FROM versions; DELETE FROM appends; UPDATE indexed SET slot = 0, term = 0; COMMIT
`;

export type SqliteIndex = {
  /** Slot of the last commit that is indexed. */
  through(): number;
  /** Slots with one of the subjects, in the order of the range, at most its limit. */
  findSlots(range: RowRange, subjects: readonly string[]): number[];
  /** Empties what is of commits that are not there any more: the tables were ahead, and are made from the commits again. */
  resetBeyond(lastSlot: number): void;
  /** Indexes the next commits. @returns whether there may be more */
  takeSome(readAfter: (slot: number, limit: number) => CommitRow[]): boolean;
  term(): number;
  /** Every version and append that is indexed; null when there are more than `max` versions. */
  readAll(max: number): IndexRows | null;
  lookUp(asked: { streams: readonly string[]; appendIds: readonly string[] }): IndexRows;
};

/** `append` is JSON; oldest first. */
export type IndexRows = {
  versions: { stream: string; version: number }[];
  appends: { first: number; at: string; append: string }[];
};

/** Some milliseconds: an append never waits longer behind it. */
const commitsPerStep = 64;

export function createSqliteIndex(database: DatabaseSync, { isReadOnly }: { isReadOnly: boolean }): SqliteIndex {
  const prepare = (sql: string) => database.prepare(sql);
  const readIndexed = prepare('SELECT slot, term FROM indexed');
  const select = (order: 'ASC' | 'DESC') =>
    prepare(`SELECT slot FROM subjects WHERE subject = ? AND slot > ? AND slot <= ? ORDER BY slot ${order} LIMIT ?`);
  const [forward, backward] = [select('ASC'), select('DESC')];
  const writes = isReadOnly ? null : prepareWrites(database);
  const allVersions = prepare('SELECT stream, version FROM versions LIMIT ?');
  const allAppends = prepare('SELECT first, at, append FROM appends ORDER BY at, first');
  const oneVersion = prepare('SELECT stream, version FROM versions WHERE stream = ?');
  const oneAppend = prepare('SELECT first, at, append FROM appends WHERE appendId = ?');
  const indexed = () => readIndexed.get() as { slot: number; term: number };

  return {
    through: () => indexed().slot,
    findSlots({ afterSlot, toSlot, limit, isBackward }, subjects) {
      const find = isBackward ? backward : forward;
      const found = subjects.flatMap((subject) => find.all(subject, afterSlot, toSlot, limit) as { slot: number }[]);
      const slots = [...new Set(found.map(({ slot }) => slot))].sort((a, b) => (isBackward ? b - a : a - b));
      return slots.slice(0, limit);
    },
    resetBeyond(lastSlot) {
      if (writes && indexed().slot > lastSlot) database.exec(emptyTables);
    },
    takeSome(readAfter) {
      if (!writes) return false;
      const { slot, term } = indexed();
      const rows = readAfter(slot, commitsPerStep);
      if (rows.length > 0) writes.take(rows, term);
      return rows.length === commitsPerStep;
    },
    term: () => indexed().term,
    readAll(max) {
      const versions = allVersions.all(max + 1) as IndexRows['versions'];
      return versions.length > max ? null : { versions, appends: allAppends.all() as IndexRows['appends'] };
    },
    lookUp: ({ streams, appendIds }) => ({
      versions: streams.flatMap((stream) => (oneVersion.get(stream) ?? []) as IndexRows['versions']),
      appends: appendIds.flatMap((appendId) => (oneAppend.get(appendId) ?? []) as IndexRows['appends']),
    }),
  };
}

function prepareWrites(database: DatabaseSync) {
  const prepare = (sql: string) => database.prepare(sql);
  const insertSubject = prepare('INSERT OR IGNORE INTO subjects VALUES (?, ?)');
  const setVersion = prepare('INSERT OR REPLACE INTO versions VALUES (?, ?)');
  const insertAppend = prepare('INSERT OR REPLACE INTO appends VALUES (?, ?, ?, ?)');
  const dropAppends = prepare('DELETE FROM appends WHERE at < ?');
  const setIndexed = prepare('UPDATE indexed SET slot = ?, term = ?');

  const takeRow = ({ slot, first, at, appends: written, events: text }: CommitRow): number => {
    const events = text === null ? [] : (JSON.parse(text) as StoredEvent[]);
    const appends = JSON.parse(written) as CommitAppend[];
    const versions = new Map(
      events.filter(({ version }) => version > 0).map(({ stream, version }) => [stream, version]),
    );
    for (const subject of subjectsOf(events)) insertSubject.run(subject, slot);
    for (const [stream, version] of versions) setVersion.run(stream, version);
    for (const { append, first: begin } of appendsOf({ first, at, appends })) {
      if (isKeyed(append.appendId)) insertAppend.run(append.appendId, begin, at, canonicalJson(append));
    }
    return appends.reduce((highest, { term = 0 }) => Math.max(highest, term), 0);
  };

  return {
    take(rows: readonly CommitRow[], termBefore: number): void {
      database.exec('BEGIN IMMEDIATE');
      try {
        const term = rows.reduce((highest, row) => Math.max(highest, takeRow(row)), termBefore);
        const { slot, at } = rows.at(-1)!;
        dropAppends.run(new Date(Date.parse(at) - idempotencyMs).toISOString());
        setIndexed.run(slot, term);
        database.exec('COMMIT');
      } catch (error) {
        if (database.isTransaction) database.exec('ROLLBACK');
        throw error;
      }
    },
  };
}
