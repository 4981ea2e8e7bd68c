/** A worker that falls silent and comes back, as `./bootstrap/node` does it to a cluster that `./bootstrap/up` runs. */

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { LogEvent } from '../../../src/events/schema/event.ts';
import { type Api, createApi } from '../../support/cluster/api.ts';
import { type Program, startProgram } from '../../support/cluster/cluster.ts';
import { mongodbUrl } from '../../support/log/logs.ts';
import { openRabbit, type Rabbit, whyNoRabbit } from '../../support/servers/rabbit.ts';
import { until } from '../../support/wait.ts';

const test = suite('node control');
const programs = new URL('../../../bootstrap/cluster/', import.meta.url);
const upProgram = fileURLToPath(new URL('up.ts', programs));
const nodeProgram = fileURLToPath(new URL('node-control/command.ts', programs));
const run = promisify(execFile);

/** Soon lost, and yet not mistaken for it while other tests keep the machine busy. */
const heartbeats = { CO_HEARTBEAT_MS: '100', CO_NODE_TIMEOUT_MS: '1500' };
const image = 'simulated/any:1';

type Scene = { dir: string; up: Program; api: Api; node(...args: string[]): Promise<{ code: number; said: string }> };

async function withUp(body: (scene: Scene) => Promise<void>, environment: NodeJS.ProcessEnv = {}): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'co-control-'));
  const args = ['--data', dir, '--port', '0', '--engine', 'simulated', '--workers', '4'];
  const up = startProgram(args, { CO_CONTEXTS: join(dir, 'contexts.json'), ...heartbeats, ...environment }, upProgram);
  const node = (...args: string[]) =>
    run(process.execPath, [nodeProgram, ...args, '--data', dir]).then(
      ({ stdout, stderr }) => ({ code: 0, said: stdout + stderr }),
      ({ code, stdout, stderr }) => ({ code, said: stdout + stderr }),
    );
  try {
    const [url = ''] = (await up.line('ready ')).split(' ');
    await body({ dir, up, api: createApi(url), node });
  } finally {
    await up.end();
    await rm(dir, { recursive: true, force: true });
  }
}

const untilEvent = (api: Api, query: string) =>
  until(query, async (): Promise<LogEvent | null> => (await api.events(query)).at(-1) ?? null);

/** Worker-2 away and back, with what the log says of each step. */
async function loseAndRegain({ api, node }: Scene): Promise<void> {
  await api.ask({ serviceName: 'web', replicas: 4, image });
  await api.converged('web');
  const before = await api.containers('web');
  const [victim] = before.filter((row) => row.node === 'worker-2');

  const gone = await node('down', 'worker-2');
  assert.equal([gone.code, gone.said.slice(0, 17)], [0, 'worker-2 is down:']);
  assert.match((await node('list')).said, /^worker-1 {2}up\nworker-2 {2}down\nworker-3 {2}up\n/);
  const lost = await untilEvent(api, 'type=NodeLost');
  assert.is(lost.stream, 'node/worker-2');
  await until('nothing runs on it', async () => {
    const rows = await api.containers('web', '&state=running');
    return rows.length === 4 && rows.every((row) => row.node !== 'worker-2');
  });
  const after = await api.containers('web');
  for (const row of before) if (row !== victim) assert.ok(after.some(({ container }) => container === row.container));
  assert.ok(after.some(({ replaces }) => replaces === victim!.container));
  const failed = await untilEvent(api, `container=${victim!.container}&type=ContainerFailed`);
  assert.is(failed.meta.causationId, lost.meta.eventId);

  assert.equal(await node('back', 'worker-2'), { code: 0, said: 'worker-2 is back and ready\n' });
  const returned = await untilEvent(api, 'type=NodeReturned');
  assert.ok(returned.position > failed.position);
  assert.ok((await api.nodes()).every(({ state }) => state === 'ready'));
  await api.call('PATCH', '/service/web', { replicas: 5 });
  await api.converged('web');
  assert.ok((await api.containers('web')).some((row) => row.node === 'worker-2'));
  assert.is((await api.events('type=NodeLost')).length, 1, 'nobody else was lost');
}

test('a worker of a cluster in one process is lost without a goodbye, replaced, and used again when it is back', () =>
  withUp(async (scene) => {
    await loseAndRegain(scene);
    const { api, up } = scene;
    const stale = await untilEvent(api, 'type=StaleContainerRemoved');
    assert.is(stale.meta.actor, 'node:worker-2');
    assert.match(up.output(), /^worker-2 is back and ready$/m);
  }));

test('what cannot be done says why and ends with its exit code', () =>
  withUp(async ({ node, up }) => {
    const unknown = await node('down', 'worker-9');
    assert.is(unknown.code, 2);
    assert.match(
      unknown.said,
      /^error: the `up` on this data has no worker "worker-9": .*worker-4\n\(--help says how\)\n$/,
    );
    for (const wrong of [['down'], ['list', 'worker-1'], ['up'], ['down', 'worker-1', '--gently']]) {
      assert.is((await node(...wrong)).code, 2);
    }
    assert.equal(await node('back', 'worker-1'), { code: 0, said: 'worker-1 is not down\n' });
    await node('down', 'worker-1');
    assert.equal(await node('down', 'worker-1'), { code: 0, said: 'worker-1 is down already\n' });
    const help = await node('--help');
    assert.equal([help.code, help.said.slice(0, 7)], [0, 'Usage: ']);
    assert.is(await up.end(), 0);
    const alone = await node('list');
    assert.is(alone.code, 1);
    assert.match(alone.said, /^no `up` runs on .* \(not_running\)\n$/);
  }));

test('the terminal has lines for people, and the log in the data folder has all of it', () =>
  withUp(async ({ dir, up }) => {
    const simulated = 'the engine is SIMULATED: no container runs';
    const lines = up.output().trim().split('\n');
    assert.ok(lines.includes(`warning: ${simulated}`));
    assert.ok(lines.includes(`log: ${join(dir, 'log.ndjson')}`));
    assert.match(lines.at(-1) ?? '', /^ready .*\(SIMULATED engine: no container runs\)$/);
    assert.not.match(up.output(), /^\{/m);
    assert.is(await up.end(), 0);
    const entries = (await readFile(join(dir, 'log.ndjson'), 'utf8')).trim().split('\n');
    const messages = entries.map((entry) => JSON.parse(entry).msg);
    assert.ok(messages.includes(simulated));
    assert.ok(messages.includes('registered'), 'what is below a warning is in the file');
  }));

const whyNoServers = (mongodbUrl ? null : 'CO_TEST_MONGODB_URL is not set') ?? (await whyNoRabbit());
if (whyNoServers !== null) console.log(`skipped: ${whyNoServers}`);
const onServers = whyNoServers === null ? test : test.skip;

onServers(
  'an agent that is a process of its own is killed, stays dead until it is asked back, and is replaced',
  async () => {
    const rabbit: Rabbit = await openRabbit();
    const mongodb = new URL(mongodbUrl!);
    mongodb.pathname = `/co-test-${process.pid}-control`;
    try {
      await withUp(
        async (scene) => {
          await loseAndRegain(scene);
          assert.not.match(scene.up.output(), /is started again/);
          const entries = (await readFile(join(scene.dir, 'log.ndjson'), 'utf8')).trim().split('\n');
          const parts = new Set(entries.map((entry) => JSON.parse(entry).part));
          for (const part of ['manager', 'agent worker-1', 'agent worker-2']) assert.ok(parts.has(part), part);
        },
        { CO_MONGODB_URL: mongodb.href, CO_AMQP_URL: rabbit.url() },
      );
    } finally {
      await rabbit.remove();
      await dropDatabase(mongodb.href);
    }
  },
);

async function dropDatabase(url: string): Promise<void> {
  const { MongoClient } = await import('mongodb');
  const client = new MongoClient(url);
  await client.db().dropDatabase();
  await client.close();
}

test.run();
