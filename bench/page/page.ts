/**
 * Measures the page on the history of a cluster of 500 nodes and 10 000 containers, a million events long: how soon a drag of
 * the slider shows a picture, what a frame costs, and how long others wait while a manager serves views. In the
 * distribution's Chromium, which paints with the processor.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSqliteStore } from '../../src/events/stores/sqlite/sqlite-store.ts';
import { busyCluster, writeHistory } from '../fold-history.ts';
import { fillStore } from '../replay-log.ts';
import type { BenchRow } from '../table.ts';
import { takeSnapshots } from '../take-snapshots.ts';
import { measurePage } from './measure-page.ts';
import { measureViews } from './measure-views.ts';

const events = 1_000_000;
/** A hundred containers are replaced in a minute: 5 000 that have ended are in the view beside 10 000 that have not. */
const stepMs = 15_000;

export async function benchPage(): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'co-bench-page-'));
  try {
    // It ends now, so that the slider goes over it alone.
    const beginMs = Date.now() - countAppends() * stepMs;
    await fillStore(await createSqliteStore({ path: join(folder, 'events.sqlite') }), events, { stepMs, beginMs });
    await takeSnapshots(folder);
    return [...(await measurePage(folder)), ...(await measureViews(folder))];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function countAppends(): number {
  let appends = 1;
  let written = 0;
  for (const batch of writeHistory(busyCluster)) {
    appends += 1;
    written += batch.length;
    if (written >= events) break;
  }
  return appends;
}
