/** Lets other work of the process run between the steps of a long computation. */

import { type Clock, systemClock } from '../clock.ts';

export type Yielder = {
  /** The computation has kept the event loop for its share: await `yield` before the next step. */
  isDue(): boolean;
  /** One tick of the event loop, in which timers and sockets are served. */
  yield(): Promise<void>;
};

/** @param everyMs how long a computation may keep the event loop */
export function createYielder(everyMs: number, clock: Pick<Clock, 'monotonicMs'> = systemClock): Yielder {
  let dueMs = clock.monotonicMs() + everyMs;
  return {
    isDue: () => clock.monotonicMs() > dueMs,
    async yield() {
      await nextTick();
      dueMs = clock.monotonicMs() + everyMs;
    },
  };
}

export const nextTick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
