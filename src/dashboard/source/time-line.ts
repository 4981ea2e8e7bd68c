/** Between times and positions of the log, by the density of the history: what a slider over time has to know. Pure. */

import type { LogEvent } from '../../events/schema/event.ts';

/** As /density answers it. */
export type DensityBucket = {
  at: string;
  position: number;
  facts: number;
  changes: number;
  failures: number;
  losses: number;
};
export type Density = { bucketMs: number; buckets: DensityBucket[]; through: number; head: number };

/** Where in the log a time is: nearly, by the buckets. Exact at their beginnings. */
export function positionNear({ buckets, bucketMs, head }: Density, timeMs: number): number {
  let low = 0;
  let high = buckets.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (Date.parse(buckets[middle]!.at) <= timeMs) low = middle + 1;
    else high = middle;
  }
  const bucket = buckets[low - 1];
  if (!bucket) return 0;
  const next = buckets[low]?.position ?? head + 1;
  const part = Math.min(1, (timeMs - Date.parse(bucket.at)) / bucketMs);
  return Math.min(head, bucket.position + Math.floor(part * (next - bucket.position)));
}

/**
 * The last fact that is not later than a time.
 * @param facts of about then, in order
 * @returns null when the first of them is later already
 */
export function lastNotAfter(facts: readonly LogEvent[], timeMs: number): LogEvent | null {
  // All are written alike, so that they compare as texts.
  const latest = new Date(timeMs).toISOString();
  return facts.findLast(({ at }) => at <= latest) ?? null;
}
