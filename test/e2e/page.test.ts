/** The page, in a real Chromium, on a cluster that runs: what it shows, and that it follows. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Api } from '../support/cluster/api.ts';
import { chromiumPath, type TestBrowser } from '../support/page/browser.ts';
import { openPageCluster, type PageCluster } from '../support/page/page-cluster.ts';
import { until } from '../support/wait.ts';

if (chromiumPath === null) console.log('skipped: CO_TEST_CHROMIUM is not set');
const test = suite('page');
const withBrowser = chromiumPath === null ? test.skip : test;

let cluster: PageCluster;
let api: Api;
let browser: TestBrowser;

test.before(async () => {
  if (chromiumPath === null) return;
  cluster = await openPageCluster();
  ({ api, browser } = cluster);
});
test.after(() => cluster?.close());

withBrowser('an empty cluster says what to type first, and the nodes it has', async () => {
  const { page, errors, close } = await browser.open(cluster.url);
  await page.getByText('Nothing runs yet').waitFor();
  assert.match(
    await page.getByTestId('first-steps').innerText(),
    /coctl run web nginx --replicas 3 --url http:\/\/127\.0\.0\.1:\d+/,
  );
  await page.locator('[data-node="worker-3"]').waitFor();
  assert.is(await page.locator('[data-node]').count(), 3);
  assert.equal(errors, []);
  await close();
});

withBrowser('what happens appears without a reload: tiles, the service, its events', async () => {
  const { page, errors, close } = await browser.open(cluster.url);
  await page.getByTestId('connection').getByText('live').waitFor();
  await api.ask({ serviceName: 'web', replicas: 4, image: 'nginx' });
  await page.locator('[data-service="web"][data-status="converged"]').waitFor();
  assert.is(await page.locator('[data-container][data-state="running"]').count(), 4);
  assert.match(await page.locator('[data-service="web"]').innerText(), /4 \/ 4/);
  await page.getByTestId('events').getByText('requested 4 replicas of web from nginx').waitFor();
  assert.is(await page.getByTestId('first-steps').count(), 0);

  await api.call('PATCH', '/service/web', { replicas: 2 });
  await page.locator('[data-service="web"]').getByText('2 / 2').waitFor();
  await page.getByTestId('figures').getByText('2 containers running').waitFor();
  assert.equal(errors, []);
  await close();
});

withBrowser('a service that cannot run says why, in a sentence', async () => {
  const container = { resources: { memoryBytes: 2 ** 50 } };
  await api.ask({ serviceName: 'huge', replicas: 1, image: 'nginx', container });
  const { page, close } = await browser.open(cluster.url);
  await page.locator('[data-service="huge"][data-status="blocked"]').waitFor();
  await page.getByText('no node for 1 of 1 replica').first().waitFor();
  await api.call('DELETE', '/service/huge');
  await page.locator('[data-service="huge"]').waitFor({ state: 'detached' });
  await close();
});

withBrowser('a drained node says so', async () => {
  const { page, close } = await browser.open(cluster.url);
  await api.call('POST', '/node/worker-2/drain');
  await page.locator('[data-node="worker-2"]').getByText('draining').waitFor();
  await api.call('POST', '/node/worker-2/activate');
  await page.locator('[data-node="worker-2"]').getByText('ready').waitFor();
  await close();
});

withBrowser('events are filtered by kind and by text', async () => {
  const { page, close } = await browser.open(cluster.url);
  const events = page.getByTestId('events').locator('li');
  await events.first().waitFor();
  await page.getByLabel('Kind of events').selectOption('people');
  await page.getByLabel('Events with this text').fill('scaled');
  await page.getByText('scaled web from 4 to 2 replicas').waitFor();
  assert.equal(await events.evaluateAll((items) => items.map((item) => item.dataset.type)), ['ServiceScaled']);
  await close();
});

withBrowser('the page is as the live view of the manager is, tile by tile', async () => {
  const { page, close } = await browser.open(cluster.url);
  await page.locator('[data-container][data-state="running"]').first().waitFor();
  const shown = await page
    .locator('[data-container][data-state="running"]')
    .evaluateAll((tiles) => tiles.map((tile) => tile.dataset.container));
  const running = (await api.containers('web')).map(({ container }) => container);
  assert.equal(shown.toSorted(), running.toSorted());
  await close();
});

withBrowser('the strip shows what happened when, and the slider shows the cluster at any point of it', async () => {
  const { page, errors, close } = await browser.open(cluster.url);
  await page.locator('[data-testid="bucket"]').first().waitFor({ state: 'attached' });
  const changes = await page
    .getByTestId('bucket')
    .evaluateAll((buckets) => buckets.reduce((sum, bucket) => sum + Number(bucket.dataset.changes), 0));
  assert.is(changes, 4, 'web requested and scaled, huge requested and removed');

  const slider = page.getByLabel('Point in time');
  const box = (await slider.boundingBox())!;
  await page.mouse.move(box.x + box.width - 4, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + 3, box.y + box.height / 2, { steps: 20 });
  await page.getByTestId('connection').getByText('past').waitFor();
  await page.mouse.up();
  assert.is(await page.locator('[data-container]').count(), 0);
  await page.getByTestId('first-steps').waitFor();

  await page.getByRole('button', { name: 'Live', exact: true }).click();
  await page.locator('[data-service="web"]').getByText('2 / 2').waitFor();
  assert.equal(errors, []);
  await close();
});

withBrowser('a link shows the cluster as it was at that position, and so does the manager', async () => {
  const scaled = (await api.events('type=ServiceScaled'))[0]!;
  const { page, close } = await browser.open(`${cluster.url}/?at=${scaled.position - 1}`);
  await page.locator('[data-service="web"]').getByText('4 / 4').waitFor();
  const then = await api.get<{ containers: { container: string }[] }>(`/container_state?at=${scaled.position - 1}`);
  const tiles = await page
    .locator('[data-container][data-state="running"]')
    .evaluateAll((found) => found.map((tile) => tile.dataset.container));
  assert.equal(tiles.toSorted(), then.containers.map(({ container }) => container).toSorted());

  // The arrow steps to the next fact, and the address goes along.
  await page.getByLabel('Point in time').press('ArrowRight');
  await page.locator('[data-service="web"]').getByText('4 / 2').waitFor();
  await page.waitForURL(`**/?at=${scaled.position}`);
  await page.getByLabel('Point in time').press('ArrowLeft');
  await page.locator('[data-service="web"]').getByText('4 / 4').waitFor();
  await close();
});

withBrowser('playing comes to the end of the history, and is live then', async () => {
  const { page, errors, close } = await browser.open(`${cluster.url}/?at=1`);
  await page.getByTestId('connection').getByText('past').waitFor();
  await page.getByRole('button', { name: 'Play 100 times as fast' }).click();
  await page.getByTestId('connection').getByText('live').waitFor();
  await page.locator('[data-service="web"]').getByText('2 / 2').waitFor();
  assert.equal(errors, []);
  await close();
});

withBrowser('a click on a container shows its machine, its history and why, and each cause is a way back', async () => {
  const { page, errors, close } = await browser.open(cluster.url);
  await page.locator('[data-container][data-state="running"]').first().click();
  const id = await page.locator('.co-chosen').getAttribute('data-container');
  await page.locator('[data-machine="machine"][data-present="running"]').waitFor();
  assert.match(await page.getByTestId('visits').innerText(), /in queue.*\n?.*starting.*\n?.*running/s);
  await page.getByTestId('history').getByText(`${id} was placed on`).waitFor();

  const chain = page.getByTestId('chain').locator('li');
  await chain.last().getByText('begun by a local caller').waitFor();
  await page.getByTestId('chain').getByText('requested 4 replicas of web').waitFor();
  const cause = Number(await chain.last().getAttribute('data-position'));
  await chain.last().getByRole('button').click();
  await page.waitForURL(`**/?at=${cause}`);
  await page.getByText('It is not in the cluster at this time').waitFor();
  assert.is(await page.locator('[data-container]').count(), 0);
  assert.equal(errors, []);
  await close();
});

withBrowser('a service and a node are chosen as well', async () => {
  const { page, close } = await browser.open(cluster.url);
  await page.locator('[data-service="web"]').getByRole('button').click();
  await page.getByTestId('answer').getByText('web').first().waitFor();
  await page.getByTestId('history').getByText('scaled web from 4 to 2 replicas').waitFor();
  await page.locator('[data-node="worker-2"]').locator('.co-node').click();
  await page.getByTestId('history').getByText('asked to drain worker-2').waitFor();
  await page.getByRole('button', { name: 'Close' }).click();
  await page.getByTestId('details').waitFor({ state: 'detached' });
  await close();
});

withBrowser('two handles show the difference between two points in time', async () => {
  const { page, errors, close } = await browser.open(cluster.url);
  await page.locator('[data-service="web"]').getByText('2 / 2').waitFor();
  await page.getByRole('button', { name: 'Compare' }).click();
  const difference = page.getByTestId('difference');
  await difference.locator('[data-change="added"][data-name="web"]').waitFor();
  await difference.locator('[data-change="added"][data-name="worker-3"]').waitFor();

  // To the end, where nothing differs from now; by keys, as the handle is a slider as well.
  await page.getByLabel('Compared with').press('End');
  await difference.getByText('Nothing differs.').waitFor();
  // An arrow is a step to another event, as with the first.
  const { at } = (await api.events('class=fact')).at(-1)!;
  const compared = () => page.getByLabel('Compared with').getAttribute('aria-valuetext');
  await page.getByLabel('Compared with').press('ArrowLeft');
  await until(
    'it is before the last event',
    async () => Date.parse(`${(await compared())?.slice(0, 23)}Z`) < Date.parse(at),
  );
  await page.getByLabel('Compared with').press('ArrowRight');
  await until(
    'it is at the last event',
    async () => Date.parse(`${(await compared())?.slice(0, 23)}Z`) === Date.parse(at),
  );
  const scaled = (await api.events('type=ServiceScaled'))[0]!;
  await page.getByTestId('events').locator(`[data-position="${scaled.position}"]`).getByRole('button').click();
  await difference.getByText('running: 4 → 2').waitFor();
  await page.getByRole('button', { name: 'Compare' }).click();
  await difference.waitFor({ state: 'detached' });
  assert.equal(errors, []);
  await close();
});

withBrowser('the whole history is compared also before its strip has been counted', async () => {
  const { page, close } = await browser.open('about:blank');
  await page.route('**/density**', (route) => route.abort());
  await page.goto(cluster.url);
  await page.locator('[data-service="web"]').getByText('2 / 2').waitFor();
  await page.getByRole('button', { name: 'Compare' }).click();
  await page.getByTestId('difference').locator('[data-change="added"][data-name="web"]').waitFor();
  await close();
});

withBrowser('nothing is loaded from elsewhere, and no script but its own would run', async () => {
  const { page, errors, close } = await browser.open('about:blank');
  const origins = new Set<string>();
  page.on('request', (request) => origins.add(new URL(request.url()).origin));
  const answer = await page.goto(cluster.url);
  await page.getByTestId('nodes').waitFor();
  assert.equal([...origins], [cluster.url]);
  const policy = answer?.headers()['content-security-policy'] ?? '';
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /script-src 'self'/);
  assert.not.match(policy, /unsafe/);
  assert.equal(errors, []);
  const title = await page.evaluate(`
    const script = document.createElement('script');
    script.textContent = 'document.title = "run"';
    document.head.append(script);
    document.title`);
  assert.is.not(title, 'run');
  await close();
});

test.run();
