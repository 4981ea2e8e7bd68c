/** Bounds how many tasks run at once. First come, first served; the waiting list may have a bound, and a wait can be aborted. */

export type Semaphore = {
  /**
   * Waits for a permit.
   * @returns releases it; a second call does nothing
   * @throws the signal's reason when it aborts first · what `onFull` makes when too many are waiting
   */
  acquire(signal?: AbortSignal): Promise<() => void>;
  /** Runs a task with a permit. @throws as `acquire` · what the task throws */
  run<T>(task: () => Promise<T>): Promise<T>;
};

export type SemaphoreOptions = {
  permits: number;
  /** Default: no bound. */
  waitingMax?: number;
  /** The refusal when so many are waiting already. */
  onFull?: () => Error;
};

type Waiting = { grant: () => void };

export function createSemaphore({ permits, waitingMax, onFull }: SemaphoreOptions): Semaphore {
  const waiting = new Set<Waiting>();
  let held = 0;

  const grantNext = () => {
    for (const next of waiting) {
      if (held >= permits) return;
      waiting.delete(next);
      next.grant();
    }
  };

  const take = () => {
    held += 1;
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      held -= 1;
      grantNext();
    };
  };

  const acquire = async (signal?: AbortSignal): Promise<() => void> => {
    signal?.throwIfAborted();
    if (held < permits && waiting.size === 0) return take();
    if (waitingMax !== undefined && waiting.size >= waitingMax) throw onFull?.() ?? new Error('too many are waiting');
    const { promise, resolve, reject } = Promise.withResolvers<() => void>();
    const onAbort = () => {
      waiting.delete(entry);
      reject(signal?.reason);
    };
    const entry: Waiting = {
      grant() {
        signal?.removeEventListener('abort', onAbort);
        resolve(take());
      },
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    waiting.add(entry);
    return promise;
  };

  return {
    acquire,
    async run(task) {
      const release = await acquire();
      try {
        return await task();
      } finally {
        release();
      }
    },
  };
}
