/** Decides when a slot that failed may try again. Pure: the jitter's seed is the name of the run that ended. */

import { createHash } from 'node:crypto';
import { type RestartPolicy, restartPolicyDefault } from './policy.ts';

/** The first failure of a stable slot is replaced at once; from the second on it waits. */
const failuresFree = 1;
/** Replicas that fail together must not come back together: each waits up to this share less. */
const jitterShare = 0.2;

/**
 * @param failures consecutive failures of the slot, from the log
 * @param seed id of the run that ended
 * @returns milliseconds to wait; 0 = at once. By default 1 s, 2 s, 4 s … 60 s, less up to 20 %.
 */
export function restartDelayMs(
  failures: number,
  seed: string,
  { delaySeconds, maxDelaySeconds }: RestartPolicy = restartPolicyDefault,
): number {
  if (failures <= failuresFree) return 0;
  const full = Math.min(delaySeconds * 2 ** (failures - failuresFree - 1), maxDelaySeconds) * 1000;
  const draw = createHash('sha256').update(seed).digest().readUInt32BE(0) / 2 ** 32;
  return Math.round(full * (1 - jitterShare * draw));
}
