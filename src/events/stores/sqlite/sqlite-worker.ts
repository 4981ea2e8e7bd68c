/**
 * The thread that the embedded log's file lives in: one call after the other, an answer to each, and the index
 * brought up to date when no call waits.
 */

import { parentPort, workerData } from 'node:worker_threads';
import { AppError, errorMessage } from '../../../errors.ts';
import type { PackedRows } from './commit-row.ts';
import { openSqliteFile, type SqliteFile } from './sqlite-file.ts';

export type SqliteCalls = Omit<SqliteFile, 'close' | 'indexSome'> & { open(): void; close(): void };
export type SqliteCall = { [K in keyof SqliteCalls]: { call: K; args: Parameters<SqliteCalls[K]> } }[keyof SqliteCalls];
export type SqliteRequest = SqliteCall & { id: number };
export type SqliteAnswer = { id: number } & ({ value: unknown } | { error: { code: string; message: string } });
export type SqliteWorkerData = { path: string; isReadOnly: boolean };

/** SQLITE_CORRUPT, SQLITE_NOTADB */
const corruptCodes: ReadonlySet<number> = new Set([11, 26]);

/** Damage is likelier in one of the tables beside the commits than in them. */
const damagedFileHint =
  './coctl verify says what is damaged; ./coctl export and import make a whole file of the commits, if they can be read';

const port = parentPort;
if (!port) throw new Error('this file runs in a worker thread only');
const { path, isReadOnly } = workerData as SqliteWorkerData;
let file: SqliteFile | null = null;

port.on('message', ({ id, call, args }: SqliteRequest) => {
  try {
    const value = answer(call, args);
    const moved = call === 'readRange' || call === 'readSlot' ? [(value as PackedRows).texts] : [];
    port.postMessage({ id, value } satisfies SqliteAnswer, moved);
  } catch (error) {
    port.postMessage({ id, error: describe(error) } satisfies SqliteAnswer);
  }
  if (call === 'close') port.close();
  else if (call === 'insert') indexSoon();
});

/** A busy log is indexed in larger steps. Beyond `unindexedMax` commits it is indexed at once: a look scans what is left. */
const indexAfterMs = 50;
const unindexedMax = 256;
let unindexed = 0;
let timer: NodeJS.Timeout | null = null;

function indexSoon(): void {
  unindexed += 1;
  if (unindexed >= unindexedMax) indexNow();
  else timer ??= setTimeout(indexNow, indexAfterMs);
}

function indexNow(): void {
  if (timer) clearTimeout(timer);
  timer = null;
  try {
    indexAll();
  } catch {
    // The commits are safe, reads scan what is not indexed, and a call that needs the whole index builds it first.
  }
}

function indexAll(): void {
  while (file?.indexSome()) {}
  unindexed = 0;
}

/** Versions and appends are read from the index alone: it must hold all but what the asking process wrote last itself. */
const needsIndex = (call: SqliteRequest['call']) =>
  call === 'readIndex' || (call === 'lookUp' && unindexed >= unindexedMax);

function answer(call: SqliteRequest['call'], args: SqliteRequest['args']): unknown {
  if (call === 'close') {
    indexNow();
    return file?.close();
  }
  file ??= openSqliteFile(path, { isReadOnly });
  if (call === 'open') return undefined;
  if (needsIndex(call)) indexAll();
  return (file[call] as (...given: unknown[]) => unknown)(...args);
}

/** Everything that is not damage may pass: a full disk, a file system that went away. */
function describe(error: unknown): { code: string; message: string } {
  if (error instanceof AppError) return { code: error.code, message: error.message };
  const message = errorMessage(error);
  const { errcode } = error as { errcode?: number };
  if (errcode === undefined) return { code: 'internal', message };
  const code = corruptCodes.has(errcode & 0xff) ? 'log_corrupt' : 'log_unavailable';
  const hint = code === 'log_corrupt' ? `; ${damagedFileHint}` : '';
  return { code, message: `the log at ${path}: ${message}${hint}` };
}
