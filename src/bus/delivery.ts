/** Owns one message's way through its handler: tries counted, pauses between them, and what becomes of it at the end. */

import { setTimeout as pause } from 'node:timers/promises';
import { errorMessage } from '../errors.ts';
import { deliveriesMax, type Verdict } from './bus.ts';

/** `give back`: the consumer closes, the message goes to the next one with its tries forgotten. */
export type Outcome = 'ack' | 'give back' | { deadLetter: string };

/**
 * Pauses before the second, third … try. Together they outlast the 5 s after which an intake without a log gives up its
 * consumer: an outage of the log dead-letters nothing.
 */
export const retryPausesMs = [250, 1_000, 2_500, 5_000] as const;

/** Handlers in flight get this long when their consumer closes; what they have not settled is delivered again. */
export const closeDeadlineMs = 3_000;

/**
 * The message is kept while it waits for its next try, so whatever waits behind it in a consumer of one stays in order.
 * @param closing aborted when the consumer closes: no further try, no further pause
 */
export async function deliver<T>(
  message: T,
  handler: (message: T) => Promise<Verdict>,
  closing: AbortSignal,
): Promise<Outcome> {
  let trouble = 'its handler asked for a retry';
  for (let tries = 1; ; tries += 1) {
    let verdict: Verdict = 'retry';
    try {
      verdict = await handler(message);
    } catch (error) {
      trouble = errorMessage(error);
    }
    if (verdict !== 'retry') return verdict;
    if (closing.aborted) return 'give back';
    if (tries >= deliveriesMax) return { deadLetter: `tried ${tries} times: ${trouble}` };
    try {
      await pause(retryPausesMs[tries - 1] ?? retryPausesMs.at(-1), undefined, { signal: closing });
    } catch {
      return 'give back';
    }
  }
}
