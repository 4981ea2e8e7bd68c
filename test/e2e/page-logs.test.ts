/** What containers print, on the page: followed, found, held while one reads, and let go of when it is closed. */

import type { Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startApi, type TestApi } from '../support/http/http.ts';
import { openMemoryLog } from '../support/http/http-logs.ts';
import { appendLoss, appendSeeds } from '../support/http/seeds.ts';
import { faultsOf, overflowOf, screens } from '../support/page/axe.ts';
import { chromiumPath, type OpenPage, openBrowser, type TestBrowser } from '../support/page/browser.ts';
import { until } from '../support/wait.ts';

if (chromiumPath === null) console.log('skipped: CO_TEST_CHROMIUM is not set');
const test = suite('logs on the page');
const withBrowser = chromiumPath === null ? test.skip : test;

const container = 'web.1-4m';

let api: TestApi;
let browser: TestBrowser;
let open: OpenPage;

test.before(async () => {
  if (chromiumPath !== null) browser = await openBrowser();
});
test.after(() => browser?.close());
test.before.each(async () => {
  if (chromiumPath === null) return;
  api = await startApi(await openMemoryLog(), { agent: { isAnswering: true } });
  await api.projector.waitFor(await appendSeeds(api.log));
  await api.agent.run(container);
});
test.after.each(async () => {
  if (chromiumPath === null) return;
  await open.close();
  await api.close();
  await api.log.close();
});

const print = (...lines: string[]) => api.agent.machine.print(container, `${lines.join('\n')}\n`);
const printed = (count: number, from = 1) => Array.from({ length: count }, (_, index) => `line ${index + from}.`);

async function openLogs(query = ''): Promise<Page> {
  open = await browser.open(`${api.url}/${query}`);
  const { page } = open;
  await page.locator(`[data-container="${container}"]`).click();
  await page.getByRole('button', { name: 'Show logs' }).click();
  return page;
}

const lineOf = (page: Page, text: string) => page.getByTestId('log').getByText(text, { exact: true });
const stateOf = (page: Page, state: string) => page.locator(`[data-testid="log-state"][data-state="${state}"]`);

withBrowser('the last 200 lines come at once, then each as it is printed', async () => {
  print(...printed(300));
  const page = await openLogs();
  await lineOf(page, 'line 300.').waitFor();
  assert.is(await page.getByTestId('log').locator('.co-log-line').count(), 200);
  await stateOf(page, 'open').getByText('Following').waitFor();
  print('and \u001b[31mmore\u001b[0m');
  await lineOf(page, 'and more').waitFor();
  assert.is(await page.getByRole('log', { name: `What ${container} prints` }).count(), 1);
  assert.equal(open.errors, []);
});

withBrowser('of very many the newest are kept', async () => {
  const page = await openLogs();
  await stateOf(page, 'open').waitFor();
  print(...printed(5_000));
  await lineOf(page, 'line 5000.').waitFor();
  await page.getByTestId('log-state').getByText('the newest 2,000 lines').waitFor();
  assert.is(await page.getByTestId('log').locator('.co-log-line').count(), 2_000);
});

withBrowser('who scrolls up is not moved, with keys as well; one step leads back to the newest', async () => {
  print(...printed(200));
  const page = await openLogs();
  await lineOf(page, 'line 200.').waitFor();
  const log = page.getByTestId('log');
  const isAtEnd = () => log.evaluate((e) => e.scrollHeight - e.scrollTop - e.clientHeight < 8);
  await until('it is at the end', isAtEnd);
  await log.focus();
  await page.keyboard.press('PageUp');
  const newest = page.getByRole('button', { name: /Newest/ });
  await newest.waitFor();
  print(...printed(50, 201));
  await newest.getByText('50 more lines').waitFor();
  assert.is(await lineOf(page, 'line 250.').count(), 0);
  assert.not(await isAtEnd());
  await newest.click();
  await lineOf(page, 'line 250.').waitFor();
  await until('it is at the end again', isAtEnd);
  assert.is(await newest.count(), 0);
});

withBrowser('lines are found by their text', async () => {
  print('GET /', 'an Error', 'GET /health');
  const page = await openLogs();
  await lineOf(page, 'an Error').waitFor();
  await page.getByLabel('Lines with this text').fill('error');
  await page.getByTestId('log-state').getByText('1 of 4 lines').waitFor();
  assert.equal(await page.getByTestId('log').locator('.co-log-text').allInnerTexts(), ['an Error']);
});

withBrowser('the stream ends with the panel, also on the engine, and begins again with it', async () => {
  const page = await openLogs();
  await until('one is open', () => api.agent.logsOpen() === 1);
  const aborted = page.waitForEvent('requestfailed', (request) => request.url().includes('/logs'));
  await page.getByRole('button', { name: 'Close' }).click();
  assert.is((await aborted).failure()?.errorText, 'net::ERR_ABORTED');
  await until('none is open', () => api.agent.logsOpen() === 0);

  await page.locator(`[data-container="${container}"]`).click();
  await until('it is open again', () => api.agent.logsOpen() === 1);
  await page.getByRole('button', { name: 'Hide logs' }).click();
  await until('it is closed again', () => api.agent.logsOpen() === 0);
});

withBrowser('the end of a container is said, and its lines stay', async () => {
  print('the last words');
  const page = await openLogs();
  await lineOf(page, 'the last words').waitFor();
  api.agent.machine.kill(container, 0);
  await stateOf(page, 'ended').getByText('nothing more is printed').waitFor();
  await lineOf(page, 'the last words').waitFor();
});

withBrowser('what is refused is said in words, and can be asked for again', async () => {
  await appendLoss(api.log).then(api.projector.waitFor);
  open = await browser.open(api.url);
  const { page } = open;
  await page.route('**/service/web/logs?*', (route) =>
    route.fulfill({ status: 504, json: { code: 'node_silent', detail: 'worker-1 is not heard' } }),
  );
  await page.locator('[data-service="web"]').getByRole('button').click();
  await page.getByRole('button', { name: 'Show logs' }).click();
  await stateOf(page, 'failed').getByText('No more can be shown: worker-1 is not heard').waitFor();
  await page.unroute('**/service/web/logs?*');
  await page.getByRole('button', { name: 'Open again' }).click();
  await stateOf(page, 'open').waitFor();
});

withBrowser('the past has none, and says why; nothing is asked for', async () => {
  const page = await openLogs();
  await stateOf(page, 'open').waitFor();
  await page.getByLabel('Point in time').press('ArrowLeft');
  await page.getByTestId('logs').getByText('kept by their engines, not in the log').waitFor();
  assert.is(await page.getByRole('button', { name: /logs/ }).count(), 0);
  await until('it was closed', () => api.agent.logsOpen() === 0);
  const asked: string[] = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  await page.getByLabel('Point in time').press('ArrowLeft');
  await page.locator('[data-service="web"]').getByRole('button').click();
  await page.getByTestId('history').waitFor();
  assert.equal(
    asked.filter((path) => path.endsWith('/logs')),
    [],
  );
  await page.getByRole('button', { name: 'Live', exact: true }).click();
  await stateOf(page, 'open').waitFor();
});

withBrowser('without the scope none is offered', async () => {
  open = await browser.open('about:blank');
  const { page } = open;
  await page.route('**/session', (route) =>
    route.fulfill({ json: { actor: 'person:x', scopes: [], hasToken: false } }),
  );
  await page.goto(api.url);
  await page.locator(`[data-container="${container}"]`).click();
  await page.getByTestId('logs').getByText('need a token with the scope read').waitFor();
  assert.is(await page.getByRole('button', { name: /logs/ }).count(), 0);
  assert.is(api.agent.logsOpen(), 0);
});

withBrowser('of what has ended the last lines are among its facts, and no stream is offered', async () => {
  open = await browser.open(api.url);
  const { page } = open;
  await page.locator('[data-container="web.1-4k"]').click();
  await page.getByTestId('logs').getByText('what it printed last is among its facts').waitFor();
  await page.getByTestId('details').getByText('oh', { exact: true }).waitFor();
});

for (const { name, ...options } of screens) {
  withBrowser(
    `on ${name}, logs are readable: axe finds nothing serious, and a long line does not widen the page`,
    async () => {
      print(...printed(50), 'word'.repeat(500));
      open = await browser.open(api.url, options);
      const { page } = open;
      await page.locator('[data-service="web"]').getByRole('button').click();
      await page.getByRole('button', { name: 'Show logs' }).click();
      await lineOf(page, 'line 50.').waitFor();
      await page.locator('[data-machine="status"]').waitFor();
      assert.equal(await faultsOf(page), []);
      await page.getByTestId('log').focus();
      await page.keyboard.press('PageUp');
      await page.getByRole('button', { name: /Newest/ }).waitFor();
      assert.equal(await faultsOf(page), [], 'while one reads');
      assert.ok((await overflowOf(page)) <= 0);
    },
  );
}

test.run();
