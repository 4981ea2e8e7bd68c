/** Bounds what is under way to one receiver: who sends takes of the credit, and the receiver gives back what it has dealt with. */

import { createNotifier } from './notifier.ts';

export type Credit = {
  /**
   * Resolves when there is any, and takes as much as is asked for, also more than there is. One at a time.
   * @throws the signal's reason
   */
  take(amount: number): Promise<void>;
  add(amount: number): void;
};

/** A wait ends with the signal; this only bounds a timer. */
const waitMs = 60_000;

export function createCredit(initial: number, signal: AbortSignal): Credit {
  const added = createNotifier(signal);
  let left = initial;
  return {
    async take(amount) {
      signal.throwIfAborted();
      while (left <= 0) {
        added.reset();
        await added.wait(waitMs);
        signal.throwIfAborted();
      }
      left -= amount;
    },
    add(amount) {
      left += amount;
      added.notify();
    },
  };
}
