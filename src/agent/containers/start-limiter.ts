/** Owns how many containers start at once on one engine: agents that share the engine share this. First come, first served. */

/** Measured: one Docker daemon starts 4.5 containers a second one by one, 6.8 four at a time, and no more beyond. */
export const parallelStartsDefault = 4;

export type StartLimiter = {
  /**
   * Waits for a turn.
   * @returns gives the turn back; a second call does nothing
   * @throws the signal's reason when it aborts while waiting
   */
  acquire(signal: AbortSignal): Promise<() => void>;
};

type Waiting = { resolve: (release: () => void) => void; signal: AbortSignal; onAbort: () => void };

export function createStartLimiter(turnsMax = parallelStartsDefault): StartLimiter {
  const waiting = new Set<Waiting>();
  let taken = 0;

  const createRelease = () => {
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      taken -= 1;
      handOn();
    };
  };

  const handOn = () => {
    for (const next of waiting) {
      if (taken >= turnsMax) return;
      waiting.delete(next);
      next.signal.removeEventListener('abort', next.onAbort);
      taken += 1;
      next.resolve(createRelease());
    }
  };

  return {
    acquire(signal) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        const turn: Waiting = {
          resolve,
          signal,
          onAbort: () => {
            waiting.delete(turn);
            reject(signal.reason);
          },
        };
        signal.addEventListener('abort', turn.onAbort, { once: true });
        waiting.add(turn);
        handOn();
      });
    },
  };
}
