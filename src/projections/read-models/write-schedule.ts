/**
 * When rows are written: soon after something changed, together with what changed meanwhile, never twice at once; with a
 * pause after each write that leaves the database to the log, and one that grows while it is away.
 */

import type { Clock } from '../../clock.ts';
import { errorMessage } from '../../errors.ts';

export type WriteSchedule = {
  soon(): void;
  now(): void;
  /** Why nothing is written just now; null while all is well. */
  problem(): string | null;
  /** A write under way is waited for until its deadline. */
  close(): Promise<void>;
};

export type WriteScheduleOptions = {
  clock: Pick<Clock, 'monotonicMs'>;
  /** What changed within this time is written together. */
  delayMs: number;
  write(): Promise<void>;
  isMoreDue(): boolean;
  onFailed(error: unknown, retryMs: number): void;
  onRecovered(): void;
};

/** The same database takes the log's commits, and those come first: at most a fifth of its time is for the rows. */
const idlePerWrite = 4;
/** However slow it is, rows are never much older than this. */
const idleMaxMs = 5_000;

/** While the database is away: from half a second, doubling, to ten. */
const retryMinMs = 500;
const retryMaxMs = 10_000;

export function createWriteSchedule(options: WriteScheduleOptions): WriteSchedule {
  const { clock, delayMs, write, isMoreDue, onFailed, onRecovered } = options;
  let problem: string | null = null;
  let retryMs = retryMinMs;
  let idleUntilMs = 0;
  let timer: NodeJS.Timeout | null = null;
  let writing: Promise<void> | null = null;
  let isClosed = false;

  const schedule = (afterMs: number): void => {
    if (isClosed || timer !== null || writing !== null) return;
    timer = setTimeout(run, Math.max(afterMs, idleUntilMs - clock.monotonicMs()));
  };

  const run = (): void => {
    timer = null;
    writing = tryWriting().then((failedRetryMs) => {
      writing = null;
      if (failedRetryMs !== null) schedule(failedRetryMs);
      else if (isMoreDue()) schedule(delayMs);
    });
  };

  /** @returns when to try again; null: it was written */
  const tryWriting = async (): Promise<number | null> => {
    const beganMs = clock.monotonicMs();
    try {
      await write();
    } catch (error) {
      problem = errorMessage(error);
      const afterMs = retryMs;
      retryMs = Math.min(retryMs * 2, retryMaxMs);
      if (!isClosed) onFailed(error, afterMs);
      return afterMs;
    }
    if (problem !== null) onRecovered();
    problem = null;
    retryMs = retryMinMs;
    const endedMs = clock.monotonicMs();
    idleUntilMs = endedMs + Math.min(idlePerWrite * (endedMs - beganMs), idleMaxMs);
    return null;
  };

  return {
    soon: () => schedule(delayMs),
    now: () => schedule(0),
    problem: () => problem,
    async close() {
      isClosed = true;
      if (timer !== null) clearTimeout(timer);
      await writing;
    },
  };
}
