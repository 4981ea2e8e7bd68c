/** Callers that wait until the view has folded a position, each with a deadline. */

import { AppError } from '../../errors.ts';

export type PositionWaiters = {
  /**
   * @param why what keeps the view behind, asked for at the deadline
   * @throws AppError `view_behind` (retryable) past the deadline · what `rejectAll` is called with
   */
  waitFor(position: number, deadlineMs: number, why: () => string): Promise<void>;
  /** Of those whose position is folded now. */
  resolveReached(): void;
  /** @param reason an error, or what makes the view stay behind */
  rejectAll(reason: AppError | string): void;
};

type Waiter = { position: number; settle(error: AppError | null): void };

/** Beyond this a timer fires at once. */
const timerMaxMs = 2 ** 31 - 1;

/** @param foldedTo the position of the view now */
export function createPositionWaiters(foldedTo: () => number): PositionWaiters {
  const waiters = new Set<Waiter>();

  const behind = (position: number, why: string): AppError => {
    const message = `the view is at position ${foldedTo()}, not yet at ${position}: ${why}`;
    return new AppError('view_behind', message, { retryable: true, details: { position: foldedTo() } });
  };

  return {
    waitFor(position, deadlineMs, why) {
      if (foldedTo() >= position) return Promise.resolve();
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const timer = setTimeout(() => waiter.settle(behind(position, why())), Math.min(deadlineMs, timerMaxMs));
      const waiter: Waiter = {
        position,
        settle(error) {
          clearTimeout(timer);
          waiters.delete(waiter);
          if (error) reject(error);
          else resolve();
        },
      };
      waiters.add(waiter);
      return promise;
    },
    resolveReached() {
      for (const waiter of waiters) if (waiter.position <= foldedTo()) waiter.settle(null);
    },
    rejectAll(reason) {
      for (const waiter of waiters) {
        waiter.settle(typeof reason === 'string' ? behind(waiter.position, reason) : reason);
      }
    },
  };
}
