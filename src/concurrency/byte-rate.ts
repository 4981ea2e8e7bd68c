/** Bounds how many bytes a second pass in all. Who waits passes in the order of asking, so that no one takes the rate of the others. */

import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import { nextTick } from './yielder.ts';

export type ByteRate = {
  /** Resolves when the bytes may pass. @throws the signal's reason */
  take(bytes: number, signal: AbortSignal): Promise<void>;
};

/** What was not used a short time ago may pass at once. */
const burstMs = 20;

export function createByteRate(bytesPerSecond: number, clock: Pick<Clock, 'monotonicMs'>): ByteRate {
  let freeAtMs = clock.monotonicMs();
  return {
    async take(bytes, signal) {
      signal.throwIfAborted();
      const nowMs = clock.monotonicMs();
      const startMs = Math.max(freeAtMs, nowMs - burstMs);
      freeAtMs = startMs + (bytes / bytesPerSecond) * 1000;
      // Who need not wait lets the others come first that have waited.
      if (startMs > nowMs) await pause(startMs - nowMs, undefined, { signal });
      else await nextTick();
    },
  };
}
