/** `coctl events -f`: what has happened, then what happens, each event once. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Api, createApi } from '../../support/cluster/api.ts';
import { coctl } from '../../support/cluster/cli.ts';
import { type RunningCluster, startCluster } from '../../support/cluster/cluster.ts';
import { until } from '../../support/wait.ts';

const test = suite('coctl events');
let folder: string;
let cluster: RunningCluster;
let api: Api;

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'co-events-'));
  cluster = await start('0');
  api = createApi(cluster.url);
  await api.ask({ serviceName: 'web', replicas: 2, image: 'nginx' });
  await api.converged('web');
});
test.after(async () => {
  await cluster.purge();
  await rm(folder, { recursive: true });
});

const start = (port: string) =>
  startCluster({ dataDir: folder, engine: 'simulated', socketPath: '', workers: 2 }, ['--port', port]);

/** What is printed until all has happened, in lines. */
async function follow(args: string[], happen: (seen: () => string) => Promise<void>): Promise<string[]> {
  const stopping = new AbortController();
  let seen = '';
  const onOut = (text: string) => {
    seen += text;
  };
  const following = coctl(['events', '-f', ...args], {
    environment: { CO_URL: cluster.url },
    signal: stopping.signal,
    onOut,
  });
  await happen(() => seen);
  stopping.abort();
  assert.is((await following).code, 130);
  return seen.trim().split('\n');
}

const positionsOf = (lines: readonly string[]) => lines.map((line) => Number(/^ *(\d+) {2}/.exec(line)![1]));

test('what happened comes first, then what happens, also through a restart of the manager; each once', async () => {
  const lines = await follow(['--service', 'web'], async (seen) => {
    await until('the request', () => seen().includes('requested 2 replicas of web'));
    await api.call('PATCH', '/service/web', { replicas: 3 });
    await until('the third runs', () => /web\.3-\w+ began to run/.test(seen()));
    const { port } = new URL(cluster.url);
    await cluster.purge();
    cluster = await start(port);
    await api.call('PATCH', '/service/web', { replicas: 4 });
    await until('the fourth runs', () => /web\.4-\w+ began to run/.test(seen()), 20_000);
  });
  const positions = positionsOf(lines);
  assert.equal(
    positions,
    [...new Set(positions)].sort((a, b) => a - b),
  );
  const logged = await api.events('service=web&class=fact');
  assert.equal(
    positions,
    logged.map(({ position }) => position).filter((position) => position <= positions.at(-1)!),
  );
});

test('what is followed is narrowed, begins with so many, and is the event itself for programs', async () => {
  const lines = await follow(['--type', 'ServiceScaled', '--limit', '1', '--json'], async (seen) => {
    await until('the last change', () => seen().includes('\n'));
    await api.call('PATCH', '/service/web', { replicas: 1 });
    await until('the next', () => seen().trim().split('\n').length === 2);
  });
  assert.equal(
    lines.map((line) => JSON.parse(line)).map(({ type, data: { replicas } }) => [type, replicas]),
    [
      ['ServiceScaled', 4],
      ['ServiceScaled', 1],
    ],
  );
});

test('what has no end, or nothing to come, is refused', async () => {
  const environment = { CO_URL: cluster.url };
  const ended = await coctl(['events', '-f', '--until', 'now'], { environment });
  assert.equal([ended.code, /^error: --follow has no end/.test(ended.err)], [2, true]);
  const offline = await coctl(['events', '-f', '--data', folder], { environment });
  assert.match(offline.err, /^error: --follow asks a manager/);
  const refused = await coctl(['events', '-f', '--stream', 'No Stream'], { environment });
  assert.equal([refused.code, refused.err.includes('stream')], [2, true]);
});

test.run();
