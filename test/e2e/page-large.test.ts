/** The page of a large cluster is drawn, and found by names; and what every page owes to those who cannot see or point. */

import type { Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type HistoryShape, writeHistory } from '../../bench/fold-history.ts';
import { block, tile } from '../../src/dashboard/source/tile-grid.ts';
import { startApi, type TestApi } from '../support/http/http.ts';
import { openMemoryLog } from '../support/http/http-logs.ts';
import { faultsOf } from '../support/page/axe.ts';
import { chromiumPath, openBrowser, type TestBrowser } from '../support/page/browser.ts';
import { until } from '../support/wait.ts';

if (chromiumPath === null) console.log('skipped: CO_TEST_CHROMIUM is not set');
const test = suite('page of a large cluster');
const withBrowser = chromiumPath === null ? test.skip : test;

const shape: HistoryShape = { nodes: 120, services: 40, replicas: 8 };
const eventsMax = 1_600;

let api: TestApi;
let browser: TestBrowser;

test.before(async () => {
  if (chromiumPath === null) return;
  api = await startApi(await openMemoryLog());
  let last = 0;
  for (const batch of writeHistory(shape)) {
    ({ last } = await api.log.append(batch));
    if (last > eventsMax) break;
  }
  await api.projector.waitFor(last);
  browser = await openBrowser();
});
test.after(async () => {
  if (chromiumPath === null) return;
  await browser.close();
  await api.close();
  await api.log.close();
});

withBrowser('its nodes and containers are drawn, and said in words', async () => {
  const { page, errors, close } = await browser.open(api.url);
  const canvas = page.getByTestId('canvas');
  await canvas.waitFor();
  assert.match((await canvas.getAttribute('aria-label')) ?? '', /^120 nodes with \d+ containers: .*\d+ running/);
  const painted = await canvas.evaluate((element) => {
    const { width, height, getContext } = element as unknown as { width: number; height: number; getContext: unknown };
    const context = (getContext as (kind: string) => { getImageData(...area: number[]): { data: Uint8Array } }).call(
      element,
      '2d',
    );
    return context.getImageData(0, 0, width, Math.min(height, 600)).data.filter((value) => value > 0).length;
  });
  assert.ok(painted > 10_000, `${painted}`);
  assert.equal(errors, []);
  await close();
});

withBrowser('a click on a tile and a name that is typed lead to the same', async () => {
  const { page, close } = await browser.open(api.url);
  await page.getByTestId('canvas').click({ position: { x: tile.size / 2, y: block.nameHeight + tile.size / 2 } });
  const id = (await page.locator('#details-heading').innerText()).replace(/^container\s+/, '');
  assert.match(id, /^service-\d+\.\d+-/);
  await page.getByRole('button', { name: 'Close' }).click();
  await page.getByLabel('Find a node or a container').fill(id);
  await page.getByTestId('found').getByRole('button', { name: id }).press('Enter');
  await page.locator('#details-heading').getByText(id).waitFor();
  await page.getByLabel('Find a node or a container').fill('worker-77');
  await page.getByTestId('found').getByRole('button', { name: 'worker-77', exact: true }).click();
  await page.locator('#details-heading').getByText('worker-77').waitFor();
  await close();
});

withBrowser('of many services some are listed, and all when they are asked for', async () => {
  const { page, close } = await browser.open(api.url);
  const rows = page.locator('[data-service]');
  await rows.first().waitFor();
  assert.is(await rows.count(), 30);
  await page.getByRole('button', { name: 'Show all 40' }).click();
  assert.is(await rows.count(), 40);
  await page.getByRole('button', { name: 'Show less' }).click();
  assert.is(await rows.count(), 30);
  await close();
});

withBrowser('its past is drawn as well', async () => {
  const { page, close } = await browser.open(`${api.url}/?at=60`);
  await page.getByTestId('connection').getByText('past').waitFor();
  await page.getByTestId('figures').getByText('of 59 nodes').waitFor();
  await close();
});

/** What is painted of the map, as a picture. */
const pictureOf = (page: Page) => page.evaluate("document.querySelector('.co-canvas canvas').toDataURL()");

withBrowser('a picture that followed others is the one that a page opened there paints', async () => {
  const { page, errors, close } = await browser.open(`${api.url}/?at=900`);
  const point = page.getByTestId('point');
  await point.getByText('#900').waitFor();
  const pictures = new Set<unknown>();
  for (let position = 899; position > 890; position -= 1) {
    await page.getByRole('button', { name: 'Back' }).click();
    await point.getByText(new RegExp(`#${position}$`)).waitFor();
    pictures.add(await pictureOf(page));
  }
  await page.getByRole('button', { name: 'Forward' }).click();
  await point.getByText(/#892$/).waitFor();
  assert.ok(pictures.size > 3, `${pictures.size} different pictures`);
  const fresh = await browser.open(`${api.url}/?at=892`);
  await fresh.page.getByTestId('connection').getByText('past').waitFor();
  await until('the same picture', async () => (await pictureOf(fresh.page)) === (await pictureOf(page)));
  assert.equal(errors, []);
  await fresh.close();
  await close();
});

withBrowser('scrolled down, the nodes there are painted, and found by a click', async () => {
  const { page, close } = await browser.open(api.url, { viewport: { width: 500, height: 500 } });
  const canvas = page.getByTestId('canvas');
  await canvas.waitFor();
  const map = "document.querySelector('.co-canvas')";
  await page.evaluate(`scrollTo(0, ${map}.getBoundingClientRect().top + scrollY + 500)`);
  await until('the canvas follows', async () => ((await page.evaluate(`${map}.firstChild.offsetTop`)) as number) > 0);
  const [top, width] = (await page.evaluate(`[${map}.firstChild.offsetTop, ${map}.clientWidth]`)) as [number, number];
  // Each node has less than a row of tiles.
  const row = 16;
  const y = row * (block.nameHeight + tile.size + tile.gap + block.margin);
  await canvas.click({ position: { x: 5, y: y - top + 3 } });
  const node = `worker-${row * Math.floor(width / block.width)}`;
  await page.locator('#details-heading').getByText(node).waitFor();
  await close();
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const [what, viewport] of [
    ['a screen', { width: 1280, height: 800 }],
    ['a phone', { width: 390, height: 844 }],
  ] as const) {
    withBrowser(`on ${what}, ${colorScheme}, nothing is wider than it is, and axe finds nothing serious`, async () => {
      const { page, close } = await browser.open(`${api.url}/?at=400`, { viewport, colorScheme });
      await page.getByTestId('canvas').waitFor();
      await page.locator('[data-service]').first().getByRole('button').click();
      await page.getByTestId('history').waitFor();
      assert.equal(await faultsOf(page), []);
      const wide = (await page.evaluate('document.documentElement.scrollWidth')) as number;
      assert.ok(wide <= viewport.width, `${wide} on ${viewport.width}`);
      await page.goto(api.url);
      await page.locator('[data-service]').first().getByRole('button').click();
      await page.getByTestId('actions').waitFor();
      assert.equal(await faultsOf(page), []);
      await page.getByRole('button', { name: 'Restart …' }).click();
      await page.getByTestId('verdict').waitFor();
      assert.equal(await faultsOf(page), []);
      await close();
    });
  }
}

withBrowser('axe would find what is wrong', async () => {
  const { page, close } = await browser.open(api.url);
  await page.getByTestId('canvas').waitFor();
  await page.evaluate("document.body.append(Object.assign(document.createElement('img'), { src: 'data:,' }))");
  assert.match((await faultsOf(page)).join(), /image-alt/);
  await close();
});

withBrowser('with reduced motion nothing moves', async () => {
  const { page, close } = await browser.open(api.url, { reducedMotion: 'reduce' });
  await page.getByTestId('canvas').waitFor();
  const moving = await page.evaluate('document.getAnimations().length');
  assert.is(moving, 0);
  await close();
});

test.run();
