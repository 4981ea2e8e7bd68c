/** The page on a real Docker Engine: what the replicas of a service print, each told apart, and what replaces one of them. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createApi } from '../support/cluster/api.ts';
import { startCluster } from '../support/cluster/cluster.ts';
import { chromiumPath, openBrowser } from '../support/page/browser.ts';
import { dockerSocket, openDocker, whyNoDocker } from '../support/servers/docker.ts';
import { testImage as image } from '../support/servers/images.ts';
import { until } from '../support/wait.ts';

const test = suite('the page on Docker');
const whyNot = chromiumPath === null ? 'CO_TEST_CHROMIUM is not set' : await whyNoDocker();
if (whyNot !== null) console.log(`skipped: ${whyNot}`);

const script = 'i=0; while true; do i=$((i+1)); echo "out $i"; echo "err $i" >&2; sleep 0.5; done';

(whyNot === null ? test : test.skip)(
  'each replica is followed under its name and colour, and so is its next',
  async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'co-page-'));
    const cluster = await startCluster({ dataDir, engine: 'docker', socketPath: dockerSocket, workers: 2 });
    const api = createApi(cluster.url);
    const browser = await openBrowser();
    try {
      const command = ['sh', '-c', script];
      await api.ask({ serviceName: 'web', replicas: 2, image, container: { command } });
      await api.converged('web', 60_000);
      const [first = '', second = ''] = (await api.containers('web')).map(({ container }) => container);
      const { page, errors } = await browser.open(cluster.url);
      await page.locator('[data-service="web"]').getByRole('button').click();
      await page.getByRole('button', { name: 'Show logs' }).click();
      const lines = (container: string, output: string) =>
        page.getByTestId('log').locator(`[data-output="${output}"]`).filter({ hasText: container });
      for (const container of [first, second]) {
        await lines(container, 'stdout').filter({ hasText: 'out 2' }).first().waitFor();
        await lines(container, 'stderr').filter({ hasText: 'stderr' }).first().waitFor();
      }
      const colorOf = (container: string) =>
        lines(container, 'stdout')
          .first()
          .locator('.co-log-name')
          .evaluate((name) => name.ownerDocument.defaultView!.getComputedStyle(name).color);
      assert.is.not(await colorOf(first), await colorOf(second));

      const docker = openDocker();
      const [killed] = await docker.listContainers({ filters: { label: [`co.container=${first}`] } });
      await docker.getContainer(killed!.Id).kill();
      const replaced = await until(
        'another runs in its slot',
        async () =>
          (await api.containers('web')).find(({ slot, container }) => slot === 1 && container !== first)?.container,
        60_000,
      );
      await lines(replaced, 'stdout').filter({ hasText: 'out 2' }).first().waitFor();
      assert.is(await colorOf(replaced), await colorOf(first));
      assert.equal(errors, []);
    } finally {
      await browser.close();
      await cluster.purge();
      await rm(dataDir, { recursive: true, force: true });
    }
  },
);

test.run();
