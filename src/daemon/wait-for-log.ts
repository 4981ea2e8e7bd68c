/**
 * Waits for a database that does not answer when the manager starts, as agents wait for their broker: on one machine
 * everything starts at once, and elsewhere a service manager would only start the process again and again.
 */

import { setTimeout as pause } from 'node:timers/promises';
import { unlessAborted } from '../concurrency/unless-aborted.ts';
import { AppError } from '../errors.ts';
import { type OpenLog, openLog } from '../events/open-log.ts';
import type { Logger } from '../logger.ts';
import type { Config } from './config.ts';

export type WaitOptions = {
  logger: Logger;
  /** Ends the wait. */
  signal?: AbortSignal | undefined;
  /** A sentence for users, once for each reason. */
  onWaiting?: ((sentence: string) => void) | undefined;
};

const pauseMinMs = 500;
const pauseMaxMs = 10_000;

/** @throws AppError of `openLog` that waiting does not mend · the signal's reason */
export async function openLogWhenAvailable(
  config: Config,
  { writer, ...options }: WaitOptions & { writer: string },
): Promise<OpenLog> {
  const open = async () => {
    const opening = openLog(config, { writer, logger: options.logger });
    try {
      return await unlessAborted(opening, options.signal);
    } catch (error) {
      // Given up before it was open: it closes as soon as it is.
      opening.then(({ log }) => log.close()).catch(() => {});
      throw error;
    }
  };
  // A file that cannot be opened now cannot be opened later either.
  return config.mongodbUrl === null ? open() : retryWhileUnavailable(open, options);
}

/**
 * Repeats what fails because the database is away, with pauses that grow.
 * @throws whatever `task` throws that is not retryable · the signal's reason
 */
export async function retryWhileUnavailable<T>(
  task: () => Promise<T>,
  { logger, signal, onWaiting }: WaitOptions,
): Promise<T> {
  let reported: string | null = null;
  for (let pauseMs = pauseMinMs; ; pauseMs = Math.min(pauseMs * 2, pauseMaxMs)) {
    try {
      return await task();
    } catch (error) {
      if (!(error instanceof AppError && error.retryable) || signal?.aborted) throw error;
      if (error.message !== reported) {
        logger.warn({ err: error }, 'the log does not answer; waiting for it');
        onWaiting?.(`waiting for the log: ${error.message}`);
      }
      reported = error.message;
    }
    await pause(pauseMs, undefined, signal ? { signal } : {});
  }
}
