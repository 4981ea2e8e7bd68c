/** Computes the pause before the next attempt: longer after each failure, up to a bound, and random within its half. */

import type { Clock } from '../../clock.ts';

const pauseFirstMs = 100;
/** A broker that is back is found within this. 5 000 agents then make 1 000 to 2 000 attempts a second. */
const pauseMaxMs = 5_000;

export type Backoff = {
  /** An attempt begins. */
  begin(): void;
  /** The attempt failed, or what it opened was lost: how long to pause before the next one. */
  pauseMs(): number;
  /** The next failure is the first. */
  reset(): void;
};

type BackoffOptions = {
  clock: Pick<Clock, 'monotonicMs'>;
  /** What lasted longer than this was healthy: its loss is the first failure. */
  healthyAfterMs: number;
  /** From 0 to 1. */
  random?: () => number;
};

export function createBackoff({ clock, healthyAfterMs, random = Math.random }: BackoffOptions): Backoff {
  let failures = 0;
  let beganMs = clock.monotonicMs();
  return {
    begin() {
      beganMs = clock.monotonicMs();
    },
    pauseMs() {
      failures = clock.monotonicMs() - beganMs > healthyAfterMs ? 1 : failures + 1;
      const fullMs = Math.min(pauseMaxMs, pauseFirstMs * 2 ** Math.min(failures - 1, 10));
      // Random, so that clients which lost the same broker do not return in step.
      return fullMs * (0.5 + random() / 2);
    },
    reset() {
      failures = 0;
    },
  };
}
