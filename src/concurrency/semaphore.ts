/** Owns turns for questions that cost memory and a part of the event loop: so many at once, so many wait, the rest is refused. */

import { AppError } from '../errors.ts';

export type Turns = {
  /** Does the work when it has its turn. @throws what the work throws · AppError `replays_full` (retryable) */
  take<T>(work: () => Promise<T>): Promise<T>;
};

export function createTurns({ atOnceMax, waitingMax }: { atOnceMax: number; waitingMax: number }): Turns {
  const waiting: (() => void)[] = [];
  let running = 0;

  const begin = async () => {
    if (running < atOnceMax) {
      running += 1;
      return;
    }
    if (waiting.length >= waitingMax) {
      throw new AppError('replays_full', `${waitingMax} questions about the past are waiting`, { retryable: true });
    }
    // Handed on by the one before: `running` stays as it is.
    await new Promise<void>((resolve) => waiting.push(resolve));
  };

  const handOn = () => {
    const next = waiting.shift();
    if (next) next();
    else running -= 1;
  };

  return {
    async take(work) {
      await begin();
      try {
        return await work();
      } finally {
        handOn();
      }
    },
  };
}
