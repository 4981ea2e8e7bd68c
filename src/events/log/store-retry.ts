/**
 * Asks the store until it answers: a commit whose outcome is unknown may neither be given up nor be passed over. Only a
 * close ends it.
 */

import { setTimeout as pause } from 'node:timers/promises';
import { type AppError, hasCode } from '../../errors.ts';
import type { Logger } from '../../logger.ts';

export type StoreRetry = {
  /** Repeats while the store does not answer. @throws whatever else `ask` throws; after a close also `log_unavailable` */
  untilAnswered<T>(ask: () => Promise<T>): Promise<T>;
  /** Why the store does not answer just now, in words; null while it does. */
  problem(): string | null;
  close(): void;
};

const resendMinMs = 20;
const resendMaxMs = 1_000;
/** Ten times the slowest commit of a healthy disk or replica set. */
const answerLateMs = 2_000;

export function createStoreRetry(logger: Logger): StoreRetry {
  let problem: string | null = null;
  let isClosed = false;

  const repeat = async <T>(ask: () => Promise<T>): Promise<T> => {
    for (let delayMs = resendMinMs; ; delayMs = Math.min(delayMs * 2, resendMaxMs)) {
      try {
        return await ask();
      } catch (error) {
        if (!hasCode(error, 'log_unavailable') || isClosed) throw error;
        problem = (error as AppError).message;
        logger.warn({ err: error, delayMs }, 'the log does not answer; sending the same again');
        await pause(delayMs);
        if (isClosed) throw error;
      }
    }
  };

  return {
    async untilAnswered(ask) {
      const late = setTimeout(() => {
        problem = `the log has not answered for ${answerLateMs} ms`;
      }, answerLateMs);
      try {
        return await repeat(ask);
      } finally {
        clearTimeout(late);
        problem = null;
      }
    },
    problem: () => problem,
    close() {
      isClosed = true;
    },
  };
}
