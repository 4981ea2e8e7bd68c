/** The density of the history, as the manager answers it. */

import { getJson } from './api.ts';
import type { Density } from './time-line.ts';

export const emptyDensity: Density = { bucketMs: 1_000, buckets: [], through: 0, head: 0 };

const countingMs = 300;
const restingMs = 5_000;

/** Asks again while it is counted, and then now and then. Until the page is left. */
export function followDensity(onDensity: (density: Density) => void): void {
  const ask = async () => {
    const density = await getJson<Density>('/density').catch(() => null);
    if (density) onDensity(density);
    setTimeout(ask, density && density.through < density.head ? countingMs : restingMs);
  };
  void ask();
}
