/** A cluster that runs, and a browser to look at it with. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Api, createApi } from '../cluster/api.ts';
import { startCluster } from '../cluster/cluster.ts';
import { openBrowser, type TestBrowser } from './browser.ts';

export type PageCluster = { url: string; api: Api; browser: TestBrowser; close(): Promise<void> };

/** Simulated, of three workers. */
export async function openPageCluster(): Promise<PageCluster> {
  const dataDir = await mkdtemp(join(tmpdir(), 'co-page-'));
  const cluster = await startCluster({ dataDir, engine: 'simulated', socketPath: '/none', workers: 3 });
  const browser = await openBrowser();
  return {
    url: cluster.url,
    api: createApi(cluster.url),
    browser,
    async close() {
      await browser.close();
      await cluster.purge();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
