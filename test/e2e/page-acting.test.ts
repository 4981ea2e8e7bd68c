/** Changes made on the page: each after its plan was seen, by those who may. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Api } from '../support/cluster/api.ts';
import { chromiumPath, type TestBrowser } from '../support/page/browser.ts';
import { openPageCluster, type PageCluster } from '../support/page/page-cluster.ts';

if (chromiumPath === null) console.log('skipped: CO_TEST_CHROMIUM is not set');
const test = suite('changes on the page');
const withBrowser = chromiumPath === null ? test.skip : test;

let cluster: PageCluster;
let api: Api;
let browser: TestBrowser;

test.before(async () => {
  if (chromiumPath === null) return;
  cluster = await openPageCluster();
  ({ api, browser } = cluster);
  await api.ask({ serviceName: 'web', replicas: 2, image: 'nginx' });
  await api.converged('web');
});
test.after(() => cluster?.close());

withBrowser('a change shows its plan first, changes nothing until it is confirmed, and then does', async () => {
  const { page, errors, close } = await browser.open(cluster.url);
  await page.locator('[data-service="web"]').getByRole('button').click();
  await page.getByLabel('Replicas of web').fill('5');
  await page.getByRole('button', { name: 'Scale …' }).click();
  const plan = page.getByTestId('plan');
  await plan.getByText('web: 2 → 5 running, converged').waitFor();
  assert.is((await api.service('web'))?.replicas, 2);
  await plan.getByRole('button', { name: 'Cancel' }).click();
  await plan.waitFor({ state: 'hidden' });
  assert.is((await api.service('web'))?.replicas, 2, 'it was not confirmed');

  await page.getByRole('button', { name: 'Scale …' }).click();
  await plan.getByRole('button', { name: 'Do it' }).click();
  await page.locator('[data-service="web"]').getByText('5 / 5').waitFor();
  await page.getByText(/Scale web to 5: accepted at position \d+/).waitFor();
  assert.equal(errors, []);
  await close();
});

withBrowser('an image is set and rolled back, a node is drained, a service removed', async () => {
  const { page, errors, close } = await browser.open(cluster.url);
  const act = async (name: string) => {
    await page.getByRole('button', { name }).click();
    await page.getByTestId('plan').getByRole('button', { name: 'Do it' }).click();
    await page.getByTestId('plan').waitFor({ state: 'hidden' });
  };
  await page.locator('[data-service="web"]').getByRole('button').click();
  await page.getByLabel('Image of web').fill('nginx:1.28');
  await act('Set image …');
  await page.locator('[data-service="web"]').getByText('nginx:1.28 gen').waitFor();
  await act('Roll back …');
  await page
    .locator('[data-service="web"]')
    .getByText(/^nginx gen/)
    .waitFor();
  await page.locator('[data-node="worker-3"]').locator('.co-node').click();
  await act('Drain …');
  await page.locator('[data-node="worker-3"]').getByText('draining').waitFor();
  await act('Activate …');
  await page.locator('[data-service="web"]').getByRole('button').click();
  await act('Remove …');
  await page.locator('[data-service="web"]').waitFor({ state: 'detached' });
  assert.equal(errors, []);
  await close();
});

withBrowser('what a node would leave behind is asked without a way to do it', async () => {
  const { page, close } = await browser.open(cluster.url);
  await page.locator('[data-node="worker-1"]').locator('.co-node').click();
  await page.getByRole('button', { name: 'What if it died …' }).click();
  await page.getByTestId('verdict').waitFor();
  assert.is(await page.getByRole('button', { name: 'Do it' }).count(), 0);
  await close();
});

withBrowser('a reader is offered no change, and nor is anyone in the past', async () => {
  const { body } = await api.call('POST', '/token', { name: 'ben', scopes: ['read'] });
  const { page, close } = await browser.open(`${cluster.url}/login`);
  await page.getByLabel('Token').fill(body.text);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('button', { name: 'Log out' }).waitFor();
  await page.locator('[data-node="worker-1"]').locator('.co-node').click();
  await page.getByTestId('history').waitFor();
  assert.is(await page.getByTestId('actions').count(), 0);
  await close();

  const past = await browser.open(`${cluster.url}/?at=20`);
  await past.page.locator('[data-node="worker-1"]').locator('.co-node').click();
  await past.page.getByTestId('history').waitFor();
  assert.is(await past.page.getByTestId('actions').count(), 0);
  await past.close();
});

test.run();
