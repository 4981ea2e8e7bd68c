/** The states of services and nodes over time, on the page: drawn, lit, and followed; and what would follow if one died. */

import type { Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Api } from '../support/cluster/api.ts';
import { chromiumPath, type TestBrowser } from '../support/page/browser.ts';
import { openPageCluster, type PageCluster } from '../support/page/page-cluster.ts';
import { until } from '../support/wait.ts';

if (chromiumPath === null) console.log('skipped: CO_TEST_CHROMIUM is not set');
const test = suite('charts on the page');
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

const chart = (page: Page, name: string, present: string) =>
  page.locator(`[data-machine="${name}"][data-present="${present}"]`);
const wayOf = async (page: Page, name: string): Promise<string> =>
  (await page.locator(`[data-machine="${name}"]`).getAttribute('aria-label')) ?? '';
const visitsOf = (page: Page, name: string) => page.locator(`[data-chart="${name}"]`).getByTestId('visits');
const choose = (page: Page, node: string) => page.locator(`[data-node="${node}"]`).locator('.co-node').click();

withBrowser('the status of a service is drawn with its way, and goes on while one looks', async () => {
  const { page, errors, close } = await browser.open(cluster.url);
  await page.locator('[data-service="web"]').getByRole('button').click();
  await chart(page, 'status', 'converged').waitFor();
  assert.match(await wayOf(page, 'status'), /It was progressing, then converged\.$/);
  assert.is(await page.locator('[data-machine="rollout"]').count(), 0, 'nothing was rolled out');

  await api.call('PATCH', '/service/web', { replicas: 3 });
  await page.locator('[data-service="web"]').getByText('3 / 3').waitFor();
  await visitsOf(page, 'status').locator('li').nth(3).waitFor();
  await chart(page, 'status', 'converged').waitFor();
  assert.match(await visitsOf(page, 'status').innerText(), /progressing.*converged.*progressing.*converged/s);

  await api.call('PATCH', '/service/web', { container: { image: 'nginx:2' } });
  await chart(page, 'rollout', 'completed').waitFor();
  assert.match(await wayOf(page, 'rollout'), /none, then in progress, then completed\.$/);
  assert.equal(errors, []);
  await close();
});

withBrowser('a node is drawn by its reach and its availability; in the past as it was then', async () => {
  const { page, errors, close } = await browser.open(cluster.url);
  await choose(page, 'worker-2');
  await chart(page, 'availability', 'active').waitFor();
  assert.is(await page.locator('[data-machine="availability"] .co-taken').count(), 0);
  const drained = await api.call('POST', '/node/worker-2/drain');
  await chart(page, 'availability', 'draining').waitFor();
  await api.call('POST', '/node/worker-2/activate');
  await chart(page, 'availability', 'active').waitFor();
  assert.is(await page.locator('[data-machine="availability"] .co-taken').count(), 2, 'there and back');
  await chart(page, 'reach', 'ready').waitFor();

  await visitsOf(page, 'availability').locator('li').nth(1).getByRole('button').click();
  await page.waitForURL(`**/?at=${drained.body.position}`);
  await chart(page, 'availability', 'draining').waitFor();
  assert.match(await wayOf(page, 'availability'), /It was active, then draining\.$/);
  assert.equal(errors, []);
  await close();
});

withBrowser('a service that is removed has come to the end of its chart', async () => {
  await api.ask({ serviceName: 'brief', replicas: 1, image: 'nginx' });
  await api.converged('brief');
  const { page, close } = await browser.open(cluster.url);
  await page.locator('[data-service="brief"]').getByRole('button').click();
  await chart(page, 'status', 'converged').waitFor();
  await api.call('DELETE', '/service/brief');
  await chart(page, 'status', 'removed').waitFor();
  assert.match(await wayOf(page, 'status'), /converged, then removing, then removed\.$/);
  await close();
});

withBrowser('what would follow is played along a strip, each step with its reason, and again when asked', async () => {
  const { page, close } = await browser.open(cluster.url);
  await choose(page, 'worker-1');
  await page.getByRole('button', { name: 'What if it died …' }).click();
  const plan = page.getByTestId('plan');
  await plan.getByText('worker-1 is lost').waitFor();
  await plan.getByText('silent for 5 s').first().waitFor();
  const steps = await plan.locator('.co-plan li').count();
  assert.is(await plan.getByTestId('plan-strip').locator('.co-plan-dot').count(), steps);
  const moving = async () => Number(await page.evaluate('document.getAnimations().length'));
  await until('it has been played', async () => (await moving()) === 0);
  await plan.getByRole('button', { name: 'Play again' }).click();
  await until('it is played again', async () => (await moving()) > 0);
  await page.keyboard.press('Escape');
  await plan.waitFor({ state: 'hidden' });
  await close();
});

withBrowser('a reader may ask what would follow, and anyone what would have followed in the past', async () => {
  const { body } = await api.call('POST', '/token', { name: 'ben', scopes: ['read'] });
  const { page, close } = await browser.open(`${cluster.url}/login`);
  await page.getByLabel('Token').fill(body.text);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.locator('[data-service="web"]').getByRole('button').click();
  await page.getByLabel('Replicas of web').fill('7');
  await page.getByRole('button', { name: 'What if scaled …' }).click();
  await page.getByTestId('plan').getByText('web: 3 → 7 running, converged').waitFor();
  assert.is((await api.service('web'))?.replicas, 3);
  await close();

  const scaled = (await api.events('type=ServiceScaled'))[0]!;
  const past = await browser.open(`${cluster.url}/?at=${scaled.position - 1}`);
  await past.page.locator('[data-service="web"]').getByRole('button').click();
  await past.page.getByLabel('Replicas of web').fill('4');
  await past.page.getByRole('button', { name: 'What if scaled …' }).click();
  await past.page.getByTestId('plan').getByText('web: 2 → 4 running, converged').waitFor();
  assert.match(await past.page.locator('#plan-heading').innerText(), /What if web were scaled to 4, at \d{4}-/);
  await past.close();
});

withBrowser('with keys what was chosen is read next, and closed one is where one was', async () => {
  const { page, close } = await browser.open(cluster.url);
  const tile = page.locator('[data-container][data-state="running"]').first();
  await tile.focus();
  await page.keyboard.press('Enter');
  const focused = () => page.evaluate<string>('document.activeElement.id || document.activeElement.dataset.container');
  await until('its details are read', async () => (await focused()) === 'details-heading');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.getByTestId('details').waitFor({ state: 'detached' });
  const opener = await tile.getAttribute('data-container');
  await until('the tile is where one was', async () => (await focused()) === opener);
  await close();
});

withBrowser('on a phone what was chosen comes into sight', async () => {
  const { page, close } = await browser.open(cluster.url, { viewport: { width: 390, height: 600 } });
  await page.locator('[data-container][data-state="running"]').first().click();
  const heading = page.locator('#details-heading');
  await until('it is in sight', async () => {
    const box = await heading.boundingBox();
    return box !== null && box.y >= 0 && box.y + box.height <= 600;
  });
  await close();
});

test.run();
