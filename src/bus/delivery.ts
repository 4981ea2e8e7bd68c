/** Runs a handler on one message: counts the tries, pauses between them, and returns how the message is to be settled. */

import { setTimeout as pause } from 'node:timers/promises';
import { errorMessage } from '../errors.ts';
import { type Disposition, deliveriesMax } from './bus.ts';

/** `requeue`: the consumer closes, and the message goes to the next one, which counts its tries from the start. */
export type Settlement = 'ack' | 'requeue' | { deadLetter: string };

/**
 * Pauses before the second, third … try. Together they are longer than the 5 s after which a manager without a log closes
 * its consumer of reports: an outage of the log dead-letters nothing.
 */
const retryPausesMs = [250, 1_000, 2_500, 5_000] as const;

/** Handlers in flight get this long when their consumer closes; what they have not settled is delivered again. */
export const closeDeadlineMs = 3_000;

/**
 * The message is kept while it waits for its next try, so with a prefetch of one the messages behind it stay in order.
 * @param closing aborted when the consumer closes: no further try, no further pause
 */
export async function deliver<T>(
  message: T,
  handler: (message: T) => Promise<Disposition>,
  closing: AbortSignal,
): Promise<Settlement> {
  let problem = 'its handler asked for a retry';
  for (let tries = 1; ; tries += 1) {
    let disposition: Disposition = 'retry';
    try {
      disposition = await handler(message);
    } catch (error) {
      problem = errorMessage(error);
    }
    if (disposition !== 'retry') return disposition;
    if (closing.aborted) return 'requeue';
    if (tries >= deliveriesMax) return { deadLetter: `tried ${tries} times: ${problem}` };
    try {
      await pause(retryPausesMs[tries - 1] ?? retryPausesMs.at(-1), undefined, { signal: closing });
    } catch {
      return 'requeue';
    }
  }
}
