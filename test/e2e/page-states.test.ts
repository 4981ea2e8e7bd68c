/** States on the page: each as the terminal shows it; and of services and nodes where they are, and how they came to be there. */

import type { Locator } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { serviceStatuses } from '../../src/model/status-charts.ts';
import {
  containerMarks,
  type Mark,
  nodeMarks,
  serviceMarks,
  type Tone,
} from '../../src/projections/rows/state-marks.ts';
import { coctl } from '../support/cluster/cli.ts';
import { startApi, type TestApi } from '../support/http/http.ts';
import { openMemoryLog } from '../support/http/http-logs.ts';
import { everyState } from '../support/log/every-state.ts';
import { faultsOf, overflowOf, screens } from '../support/page/axe.ts';
import { chromiumPath, openBrowser, type TestBrowser } from '../support/page/browser.ts';

if (chromiumPath === null) console.log('skipped: CO_TEST_CHROMIUM is not set');
const test = suite('states on the page and in the terminal');
const withBrowser = chromiumPath === null ? test.skip : test;

const given = everyState();
let api: TestApi;
let browser: TestBrowser;
/** Of the last fact: what ended stays in sight there. */
let last: number;

test.before(async () => {
  if (chromiumPath === null) return;
  api = await startApi(await openMemoryLog());
  ({ last } = await api.log.append(given.events));
  await api.projector.waitFor(last);
  browser = await openBrowser();
});
test.after(async () => {
  if (chromiumPath === null) return;
  await browser.close();
  await api.close();
  await api.log.close();
});

const colors: Readonly<Record<Tone, number>> = { good: 32, work: 34, warn: 33, bad: 31, idle: 90 };
const containerMark = (state: string) => containerMarks.find(({ label }) => label.replace(/[:,].*/, '') === state)!;

/** The line of a table that begins with the name, and in it the mark in its colour. */
function assertTerminal(table: string, name: string, { shape, tone }: Mark): void {
  const line = table.split('\n').find((found) => found.startsWith(`${name} `));
  assert.ok(line?.includes(`\u001b[${colors[tone]}m${shape} `), `${shape} ${tone} of ${name}: ${JSON.stringify(line)}`);
}

async function assertPage(found: Locator, { shape, tone }: Mark): Promise<void> {
  const [text, names] = await found.evaluate((element) => [element.textContent, element.className]);
  assert.ok(text!.startsWith(shape), `${shape}: ${text}`);
  assert.ok(names!.split(' ').includes(`co-${tone}`), `${tone}: ${names}`);
}

const inTerminal = async (...args: string[]): Promise<string> =>
  (await coctl([...args, '--url', api.url], { columns: 300 })).out;

withBrowser('there is one of each state', () => {
  assert.equal(new Set(Object.values(given.services)), new Set(serviceStatuses));
  const containers = new Set(Object.values(given.containers));
  assert.equal(containers, new Set(containerMarks.map(({ label }) => label.replace(/[:,].*/, ''))));
});

withBrowser('each state of a container has one mark, on the page and in the terminal', async () => {
  const { page, close } = await browser.open(`${api.url}/?at=${last}`);
  const table = await inTerminal('ps', '--all');
  for (const [id, state] of Object.entries(given.containers)) {
    assertTerminal(table, id, containerMark(state));
    await assertPage(page.locator(`[data-container="${id}"]`), containerMark(state));
  }
  await close();
});

withBrowser('each status of a service has one mark, on the page and in the terminal', async () => {
  const { page, close } = await browser.open(`${api.url}/?at=${last}`);
  const table = await inTerminal('services');
  for (const [name, status] of Object.entries(given.services)) {
    const mark = serviceMarks[status as keyof typeof serviceMarks];
    assertTerminal(table, name, mark);
    await assertPage(page.locator(`[data-service="${name}"][data-status="${status}"] .co-badge`), mark);
  }
  await close();
});

withBrowser('each state of a node has one mark, on the page and in the terminal', async () => {
  const { page, close } = await browser.open(`${api.url}/?at=${last}`);
  const table = await inTerminal('nodes');
  for (const [id, state] of Object.entries(given.nodes)) {
    const mark = nodeMarks[state as keyof typeof nodeMarks];
    assertTerminal(table, id, mark);
    const column = page.locator(`[data-node="${id}"]`);
    assert.ok((await column.getAttribute('class'))?.split(' ').includes(`co-${mark.tone}`), id);
    assert.is(await column.locator('.co-node-state').innerText(), `${mark.shape} ${state}`);
  }
  await close();
});

withBrowser('without colours the shapes remain, and programs read the words alone', async () => {
  const plain = await coctl(['services', '--url', api.url], { columns: 300, environment: { NO_COLOR: '1' } });
  assert.match(plain.out, /^held +\d\/1 +‖ paused /m);
  assert.not.ok(plain.out.includes('\u001b'));
  assert.match((await coctl(['services', '--url', api.url])).out, /^held +\d\/1 +paused /m);
});

for (const { name, ...options } of screens) {
  withBrowser(`on ${name}, every state and its details are readable: axe finds nothing serious`, async () => {
    const { page, close } = await browser.open(`${api.url}/?at=${last}`, options);
    for (const id of ['held', 'blind']) {
      await page.locator(`[data-service="${id}"]`).getByRole('button').click();
      await page.locator('[data-machine="status"]').waitFor();
      await page.getByTestId('history').waitFor();
      assert.equal(await faultsOf(page), [], id);
    }
    await page.locator('[data-node="shut"]').locator('.co-node').click();
    await page.locator('[data-machine="availability"][data-present="cordoned"]').waitFor();
    assert.equal(await faultsOf(page), [], 'a node');
    const [unhealthy = ''] = Object.keys(given.containers).filter((id) => given.containers[id] === 'unhealthy');
    await page.locator(`[data-container="${unhealthy}"]`).click();
    await page.locator('[data-machine="machine"]').waitFor();
    await page.getByTestId('chain').waitFor();
    assert.equal(await faultsOf(page), [], 'a container, and why it is so');
    await page.getByRole('button', { name: 'Compare' }).click();
    await page.getByTestId('difference').locator('[data-change]').first().waitFor();
    assert.equal(await faultsOf(page), [], 'a difference');
    assert.ok((await overflowOf(page)) <= 0);
    await close();
  });
}

test.run();
