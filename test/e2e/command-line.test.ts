/**
 * A first quarter of an hour, from a clean copy of the repository on a real Docker Engine: bring it up, apply a compose
 * file, break it, ask why, go back, and look at that time on the page.
 */

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { labels } from '../../src/model/naming.ts';
import { copyFiles, findFiles } from '../support/cluster/clean-copy.ts';
import { type Program, startCommand } from '../support/cluster/cluster.ts';
import { chromiumPath, openBrowser } from '../support/page/browser.ts';
import { dockerSocket, openDocker, removeContainersOf, whyNoDocker } from '../support/servers/docker.ts';
import { testImage as image } from '../support/servers/images.ts';
import { until } from '../support/wait.ts';

const test = suite('the command line on Docker');
const files = await findFiles();
const whyNot = files === null ? 'there is no git, or no working tree of it' : await whyNoDocker();
if (whyNot !== null) console.log(`skipped: ${whyNot}`);
const promise = (sentence: string, body: () => Promise<void>) =>
  whyNot === null ? test(sentence, body) : test.skip(sentence);

let folder: string;
let env: NodeJS.ProcessEnv;
let up: Program;
let url: string;
let clusterId = '';
/** Shows services as long as all of this goes on. */
let watching: Program;

type Ended = { code: number; out: string; err: string };

/** As it is typed in the folder of the copy; several times what it takes on a busy machine. @param quoted words with spaces */
async function type(line: string, ...quoted: string[]): Promise<Ended> {
  const [command, ...args] = [...line.split(' '), ...quoted] as [string, ...string[]];
  const options = { cwd: folder, env, timeout: 150_000 };
  return promisify(execFile)(command, args, options).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    (error) => ({ code: Number(error.code ?? -1), out: error.stdout, err: error.stderr }),
  );
}

const write = (name: string, text: string) => writeFile(join(folder, name), text);

if (whyNot === null) {
  test.before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'co-e2e-'));
    const { CO_URL: _url, CO_DATA_DIR: _data, ...rest } = process.env;
    env = {
      ...rest,
      ...{ CO_PORT: '0', CO_WORKERS: '3', CO_DOCKER_HOST: dockerSocket, CO_NO_INSTALL: '1' },
      CO_CONTEXTS: join(folder, 'contexts of this person.json'),
    };
    await copyFiles(files!, folder);
  });
  test.after(async () => {
    await watching?.end();
    await up?.end();
    if (clusterId !== '') await removeContainersOf(clusterId);
    await rm(folder, { recursive: true, force: true });
  });
}

promise('a clean copy comes up by one command, and coctl finds it', async () => {
  up = startCommand('./bootstrap/up', [], { cwd: folder, env });
  url = await up.line('ready ', 120_000);
  clusterId = JSON.parse((await type('./coctl state --json')).out).cluster.id;
  const { out } = await type('./coctl nodes');
  assert.is(out.match(/^worker-\d +ready +active +0 /gm)?.length, 3, out);
  watching = startCommand('./coctl', ['services', '--watch'], { cwd: folder, env });
});

promise('the compose file of the README becomes three services that answer', async () => {
  const { code, out, err } = await type('./coctl apply -f examples/shop/compose.yaml --timeout 120s');
  assert.is(code, 0, err);
  for (const [name, count] of [
    ['store', 1],
    ['api', 2],
    ['web', 3],
  ] as const) {
    assert.match(out, new RegExp(`^${name} has converged: ${count} of ${count} running, generation 1$`, 'm'));
  }
  const [started, last] = [/^store\.1 on worker-\d: starting$/m, /^web\.3 on worker-\d: healthy$/m];
  assert.ok(err.search(started) >= 0 && err.search(started) < err.search(last), err);
  const { out: table } = await type('./coctl ps web');
  const ports = Array.from(table.matchAll(/^web\.\d-\w+ +worker-\d +healthy +\d+ s +(\d+)→80 /gm), ([, port]) => port);
  assert.is(ports.length, 3, table);
  const answers = await Promise.all(ports.map(async (port) => (await fetch(`http://127.0.0.1:${port}/`)).text()));
  assert.equal(answers.map((text) => /^hello from web, slot (\d)/.exec(text)?.[1]).sort(), ['1', '2', '3']);
  assert.match((await type('./coctl logs web.2 --tail 1')).out, /^hello from web, slot 2, on worker-\d/);
  assert.is((await type('./coctl plan -f examples/shop/compose.yaml')).out, 'nothing would change\n');
});

promise('an image that does not exist takes nothing down, and why says what is wrong', async () => {
  const broken = await type('./coctl set image web=co/none:1 --timeout 120s');
  assert.is(broken.code, 4, broken.err);
  assert.match(broken.err, /^web did not converge: the rollout of generation 2 is paused: /m);
  assert.match((await type('./coctl services')).out, /^web +3\/3 +paused +\d+ +2 /m);
  const serving = await type('./coctl ps web');
  assert.is(serving.out.match(/^web\.\d-\w+ +worker-\d +healthy +.* co\/hello /gm)?.length, 3, serving.out);
  const why = await type('./coctl why web');
  assert.match(why.out, /^web is paused: /);
  assert.match(why.out, /^ +\d+ {2}.* web\.1-\w+ got no image on worker-\d: /m);
  assert.match(why.out, /^ +\d+ {2}.* requested 3 replicas of web from co\/none:1 \(generation 2\)$/m);
  await until('the watched table shows it', () => /^web +3\/3 +paused /m.test(watching.output()), 30_000);
});

promise('a rollback comes back to what converged', async () => {
  const back = await type('./coctl rollback web --timeout 120s');
  assert.is(back.code, 0, back.err);
  assert.match(back.out, /^web has converged: 3 of 3 running, generation 3$/m);
  assert.match((await type('./coctl rollout history web')).out, /^ +3 +.* converged, as 1 /m);
});

const paused = '[data-service="web"][data-status="paused"]';
const converged = '[data-service="web"][data-status="converged"]';

/** From now to the left, as a hand does, until the page shows what is looked for. */
async function dragBackTo(page: Page, wanted: string): Promise<void> {
  const box = (await page.getByLabel('Point in time').boundingBox())!;
  const point = page.getByTestId('point');
  const y = box.y + box.height / 2;
  const right = box.x + box.width - 4;
  await page.mouse.move(right, y);
  await page.mouse.down();
  for (let x = right - 4; x > box.x; x -= 4) {
    await page.mouse.move(x, y);
    await until('the picture of that time', async () => !(await point.innerText()).includes('…'));
    if ((await page.locator(wanted).count()) > 0) break;
  }
  await page.mouse.up();
  await page.locator(wanted).waitFor();
}

const withBrowser = chromiumPath === null ? (sentence: string) => test.skip(sentence) : promise;

withBrowser('the slider shows the paused rollout, and its address shows it to another person', async () => {
  const browser = await openBrowser();
  try {
    const first = await browser.open(url);
    await first.page.locator(converged).getByText('3 / 3').waitFor();
    await dragBackTo(first.page, paused);
    await first.page.getByTestId('connection').getByText('past').waitFor();
    await first.page.getByText('the rollout of generation 2 is paused: ').first().waitFor();
    assert.match(await first.page.locator(paused).innerText(), /3 \/ 3[\s\S]*co\/none:1/);
    const [, position] = /#(\d+)/.exec(await first.page.getByTestId('point').innerText())!;
    await first.page.waitForURL(`**/?at=${position}`);
    assert.match((await type(`./coctl services --at ${position}`)).out, /^web +3\/3 +paused /m);

    const second = await browser.open(first.page.url());
    await second.page.locator(paused).getByText('3 / 3').waitFor();
    assert.match(await second.page.getByTestId('point').innerText(), new RegExp(`#${position}$`));
    assert.is(await second.page.locator('[data-service]').count(), 3);
    for (const { page, errors, close } of [first, second]) {
      await page.getByRole('button', { name: 'Live', exact: true }).click();
      await page.locator(converged).getByText('3 / 3').waitFor();
      await page.waitForURL(`${url}/`);
      assert.equal(errors, []);
      await close();
    }
  } finally {
    await browser.close();
  }
});

const jobs = (version: string) => `
name: jobs
services:
  front:
    image: ${image}
    command: ["httpd", "-f", "-p", "80", "-h", "/"]
    healthcheck: { test: ["CMD", "true"], interval: 1s, timeout: 1s, retries: 2 }
    stop_grace_period: 1s
    environment: { VERSION: "${version}" }
    depends_on: { cache: { condition: service_healthy }, prepare: { condition: service_completed_successfully } }
    deploy: { replicas: 2, resources: { limits: { memory: 32M } }, update_config: { monitor: 1s, order: start-first } }
  cache:
    image: ${image}
    command: sh -c 'echo ready > /run/ready; exec sleep 3600'
    tmpfs: /run
    stop_grace_period: 1s
    healthcheck: { test: "cat /run/ready", interval: 1s, timeout: 1s, retries: 5 }
  prepare:
    image: ${image}
    command: ["sh", "-c", "echo prepared"]
`;

promise(
  'of another file a job and a store come first, then what depends on them; the next version is rolled out',
  async () => {
    await write('jobs.yaml', jobs('1'));
    const { code, out, err } = await type('./coctl apply -f jobs.yaml --timeout 120s');
    assert.is(code, 0, err);
    assert.match(out, /^prepare is completed, generation 1$/m);
    assert.match(out, /^front has converged: 2 of 2 running, generation 1$/m);
    await write('jobs.yaml', jobs('2'));
    const planned = await type('./coctl plan -f jobs.yaml');
    assert.match(planned.out, /^~ front\n {4}~ container\.env\.VERSION: "1" → "2"$/m);
    const applied = await type('./coctl apply -f jobs.yaml --timeout 120s');
    assert.is(applied.code, 0, applied.err);
  },
);

promise('a service has the rights and the place that run gives it, and what an editor saves of it', async () => {
  await type('./coctl node label worker-2 disk=ssd');
  const rights = '--read-only --tmpfs /run:size=1m --hostname safe --cap-drop ALL --user 7';
  const place = '--constraint node.labels.disk==ssd --stop-timeout 1s --entrypoint sh';
  const ran = await type(`./coctl run safe ${image} ${rights} ${place} --timeout 120s -- -c`, 'exec sleep 3600');
  assert.is(ran.code, 0, ran.err);
  const shell = (line: string) => type('./coctl exec safe.1 -- sh -c', line);
  assert.is((await shell('hostname; id -u; touch /run/a && echo written')).out, 'safe\n7\nwritten\n');
  assert.match((await shell('touch /a')).err, /Read-only file system/);
  assert.match((await type('./coctl ps safe')).out, /^safe\.1-\w+ +worker-2 +running/m);

  env.EDITOR = `sed -i -e 's/hostname: safe/hostname: edited/' -e 's/readOnly: true/readOnly: false/'`;
  const edited = await type('./coctl edit safe --timeout 120s');
  assert.is(edited.code, 0, edited.err);
  assert.match(edited.err, /^ {4}~ container\.hostname: "safe" → "edited"$/m);
  assert.match((await shell('hostname')).out, /^edited$/m);
  assert.is((await type('./coctl rm safe --timeout 120s')).code, 0);
});

promise('a node is drained and services removed; up leaves the rest running, and down takes it away', async () => {
  const drained = await type('./coctl node drain worker-1 --timeout 120s');
  assert.match(drained.out, /^worker-1 is empty$/m, drained.err);
  assert.is((await type('./coctl rm front cache prepare web api --timeout 120s')).code, 0);
  assert.match((await type('./coctl ps -o name')).out, /^store\.1-\w+\n$/);
  await watching.end();
  assert.is(await up.end('SIGINT'), 0, up.output());
  const ours = { all: true, filters: { label: [`${labels.clusterId}=${clusterId}`] } };
  assert.is((await openDocker().listContainers(ours)).length, 1);
  assert.match((await type('./coctl ps --offline')).out, /^store\.1-\w+ +worker-\d +healthy /m);
  assert.is((await type('./bootstrap/down')).code, 0);
  assert.is((await openDocker().listContainers(ours)).length, 0);
});

test.run();
