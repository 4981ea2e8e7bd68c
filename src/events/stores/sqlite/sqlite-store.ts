/** The commit store in a SQLite file, the embedded log: the calls cross to a worker thread, for each waits for the disk. */

import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { AppError, errorMessage } from '../../../errors.ts';
import type { CommitRange, CommitStore, Lookup, PreparedCommit } from '../../log/commit-store.ts';
import { emptyHead } from '../../log/event-log.ts';
import { subjectsFor } from '../../log/filter-subjects.ts';
import { canonicalJson } from '../../schema/canonical-json.ts';
import type { Commit, CommitAppend } from '../../schema/event.ts';
import { type CommitRow, type PackedRows, type RowRange, unpackRows } from './commit-row.ts';
import type { IndexRows } from './index-tables.ts';
import type { SqliteAnswer, SqliteCalls, SqliteRequest, SqliteWorkerData } from './sqlite-worker.ts';

export type SqliteStoreOptions = {
  path: string;
  /** Beside a process that writes. Default false. */
  isReadOnly?: boolean;
};

/** @throws AppError `log_locked` · `log_corrupt` · `log_missing` */
export async function createSqliteStore({ path, isReadOnly = false }: SqliteStoreOptions): Promise<CommitStore> {
  const thread = createThread({ path, isReadOnly });
  const { ask } = thread;
  try {
    await ask('open');
  } catch (error) {
    await thread.close();
    throw error;
  }

  const readHead = async () => {
    const row = await ask('head');
    return row ? { slot: row.slot, position: row.first + row.count - 1, at: row.at, hash: row.hash } : emptyHead;
  };

  return {
    description: `sqlite ${path}`,
    async readIndex(streamsMax) {
      const { term, known } = await ask('readIndex', streamsMax);
      return { head: await readHead(), term, known: known && toLookup(known) };
    },
    async lookUp(asked) {
      return toLookup(await ask('lookUp', asked));
    },
    async insert(prepared) {
      if (isReadOnly) throw new AppError('log_read_only', `the log at ${path} was opened for reading only`);
      return ask('insert', toRow(prepared));
    },
    async readSlot(slot) {
      return toCommits(await ask('readSlot', slot), path)[0] ?? null;
    },
    async readRange(range) {
      return toCommits(await ask('readRange', toRowRange(range)), path);
    },
    head: readHead,
    slotOf: (wanted) => ask('slotOf', wanted),
    // One process writes: followers in it are notified by the log, others poll.
    onInserted: () => () => {},
    async prune({ afterSlot = 0, throughSlot }) {
      const total = { commits: 0, events: 0 };
      for (;;) {
        const some = await ask('pruneSome', afterSlot, throughSlot);
        if (some.commits === 0) return total;
        total.commits += some.commits;
        total.events += some.events;
      }
    },
    check: () => ask('check'),
    close: thread.close,
  };
}

function toRow({ commit, eventTexts }: PreparedCommit): CommitRow {
  const events = eventTexts && `[${eventTexts.join(',')}]`;
  return { ...commit, appends: canonicalJson(commit.appends), events };
}

function toLookup({ versions, appends }: IndexRows): Lookup {
  return {
    versions: versions.map(({ stream, version }) => [stream, version] as const),
    appends: appends.map((row) => ({ ...row, append: JSON.parse(row.append) as CommitAppend })),
  };
}

function toRowRange({ afterSlot, toSlot, limit, direction, about }: CommitRange): RowRange {
  return {
    afterSlot,
    toSlot: toSlot ?? Number.MAX_SAFE_INTEGER,
    limit,
    isBackward: direction === 'backward',
    class: about?.class ?? null,
    subjects: about ? subjectsFor(about) : null,
  };
}

function toCommits(packed: PackedRows, path: string): Commit[] {
  return unpackRows(packed, ({ slot, first, text }) => {
    try {
      return JSON.parse(text);
    } catch (error) {
      const message = `the log at ${path} is damaged in slot ${slot} (positions from ${first}): ${(error as Error).message}`;
      throw new AppError('log_corrupt', message, { cause: error, details: { slot } });
    }
  });
}

/** Long enough for a checkpoint on a slow disk; a thread that does not answer at all is the disk's trouble. */
const closeDeadlineMs = 3_000;

type Asked = { resolve(value: unknown): void; reject(error: AppError): void };

/** A thread that died is started again with the next call: its last call has an unknown outcome, as any other. */
function createThread(workerData: SqliteWorkerData) {
  const asked = new Map<number, Asked>();
  let worker: Worker | null = null;
  let calls = 0;
  let isClosed = false;

  const start = (): Worker => {
    const started = new Worker(new URL(`./sqlite-worker${extname(import.meta.url)}`, import.meta.url), { workerData });
    started.on('message', (answer: SqliteAnswer) => {
      const { resolve, reject } = asked.get(answer.id) ?? {};
      asked.delete(answer.id);
      if ('value' in answer) resolve?.(answer.value);
      else reject?.(toError(answer.error));
    });
    const onEnd = (why: string) => {
      if (worker === started) worker = null;
      const error = new AppError('log_unavailable', `the thread of the log ended: ${why}`, { retryable: true });
      for (const { reject } of asked.values()) reject(error);
      asked.clear();
    };
    started.on('error', (error) => onEnd(errorMessage(error)));
    started.on('exit', (code) => onEnd(`exit code ${code}`));
    return started;
  };

  const ask = <K extends keyof SqliteCalls>(
    call: K,
    ...args: Parameters<SqliteCalls[K]>
  ): Promise<ReturnType<SqliteCalls[K]>> =>
    new Promise((resolve, reject) => {
      // A call that comes late would start a thread that nothing ends.
      if (isClosed) return reject(new AppError('log_closed', 'the log is closed'));
      calls += 1;
      worker ??= start();
      asked.set(calls, { resolve: resolve as Asked['resolve'], reject });
      worker.postMessage({ id: calls, call, args } as SqliteRequest);
    });

  return {
    ask,
    async close(): Promise<void> {
      const closing = worker;
      if (!closing) {
        isClosed = true;
        return;
      }
      const exited = new Promise((resolve) => closing.once('exit', resolve));
      const timer = setTimeout(() => void closing.terminate(), closeDeadlineMs);
      const answered = ask('close').catch(() => {});
      isClosed = true;
      await answered;
      await exited;
      clearTimeout(timer);
    },
  };
}

function toError({ code, message }: { code: string; message: string }): AppError {
  return new AppError(code, message, { retryable: code === 'log_unavailable' });
}
