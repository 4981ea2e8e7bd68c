/** How measured times are said: the middle, the bad ones and the worst. Pure. */

import { type BenchRow, percentile } from '../table.ts';

/** @param bad a part: 0.95 */
export function spread(valuesMs: readonly number[], bad = 0.95): Pick<BenchRow, 'value' | 'ratio'> {
  const [middle, high, most] = [0.5, bad, 1].map((part) => formatMs(percentile(valuesMs, part)));
  return { value: `p50 ${middle}, p${bad * 100} ${high}, most ${most} ms`, ratio: null };
}

const formatMs = (ms: number): string => ms.toFixed(ms < 10 ? 1 : 0);
