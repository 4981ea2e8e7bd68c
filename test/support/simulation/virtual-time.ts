/** Virtual time for RxJS and for a Clock: nothing happens until a test lets time pass. */

import { VirtualTimeScheduler } from 'rxjs';
import type { Clock } from '../../../src/clock.ts';

export type VirtualTime = { scheduler: VirtualTimeScheduler; clock: Clock; advance(ms: number): void };

export function createVirtualTime(startMs = Date.UTC(2026, 0, 1)): VirtualTime {
  const scheduler = new VirtualTimeScheduler();
  return {
    scheduler,
    clock: { nowMs: () => startMs + scheduler.frame, monotonicMs: () => scheduler.frame },
    advance(ms) {
      scheduler.maxFrames = scheduler.frame + ms;
      scheduler.flush();
      scheduler.frame = scheduler.maxFrames;
    },
  };
}
