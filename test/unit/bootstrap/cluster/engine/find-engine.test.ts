/** What `up` takes for an engine, and when it would rather not start than forget containers. */

import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type FindOptions, findEngine } from '../../../../../bootstrap/cluster/engine/find-engine.ts';
import { runProgram, systemEnvironment } from '../../../../../bootstrap/cluster/programs.ts';
import { hasCode } from '../../../../../src/errors.ts';

const test = suite('bootstrap engine');
const nobody = '/nowhere/docker.sock';

const find = async (options: Partial<FindOptions>) => {
  const said: string[] = [];
  const engine = await findEngine({
    ...{ choice: 'auto', address: nobody, dataDir: tmpdir(), mayInstall: false, isInUse: false },
    ...{ print: (line) => said.push(line), signal: new AbortController().signal },
    ...options,
  });
  return { engine, said: said.join('\n') };
};

const refusalOf = async (options: Partial<FindOptions>) => {
  try {
    await find(options);
  } catch (error) {
    assert.ok(hasCode(error, 'engine_unavailable'));
    return (error as Error).message;
  }
  return '';
};

/** An engine as far as `ping` can tell. */
async function withEngine(body: (address: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'co-engine-'));
  const server = createServer((_request, response) => response.end('OK'));
  const address = join(dir, 'docker.sock');
  await new Promise<void>((resolve) => server.listen(address, resolve));
  try {
    await body(address);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(dir, { recursive: true });
  }
}

test('an engine that answers is used, and nothing is said', () =>
  withEngine(async (address) => {
    assert.equal(await find({ address }), { engine: 'docker', said: '' });
    assert.equal(await find({ address: `unix://${address}`, choice: 'docker' }), { engine: 'docker', said: '' });
  }));

test('a simulated one is asked for: no other is looked for', () =>
  withEngine(async (address) => assert.is((await find({ address, choice: 'simulated' })).engine, 'simulated')));

test('where none can be had it is simulated, and that is said with the reason', async () => {
  const { engine, said } = await find({});
  assert.is(engine, 'simulated');
  assert.match(said, /no Docker Engine answers at \/nowhere\/docker.sock: there is no such socket/);
  assert.match(said, /SIMULATED, no container will run/);
});

test('an address of a kind it cannot use is said to be one', async () => {
  assert.match((await find({ address: 'ssh://machine' })).said, /only unix sockets and tcp:/);
});

test('insisting on Docker is a failure where none can be had', async () => {
  assert.match(await refusalOf({ choice: 'docker' }), /no Docker Engine can be had/);
});

test('a cluster that has containers on an engine does not go on without it, unless told to', async () => {
  assert.match(await refusalOf({ isInUse: true }), /\/nowhere\/docker.sock.*start it.*--engine simulated/);
  assert.is((await find({ isInUse: true, choice: 'simulated' })).engine, 'simulated');
});

const run = (script: string, deadlineMs = 10_000, signal = new AbortController().signal) =>
  runProgram('sh', ['-c', script], { deadlineMs, signal });
const messageOf = (promise: Promise<unknown>) =>
  promise.then(
    () => '',
    (error: Error) => error.message,
  );

test('a program that fails is known by its last line, one that hangs by its deadline', async () => {
  await run('exit 0');
  await run('exit 0', 9_999.5);
  assert.is(await messageOf(run('echo first; echo no such mirror >&2; exit 100')), 'no such mirror');
  assert.is(await messageOf(run('exit 3')), 'ended with code 3');
  assert.match(await messageOf(run('echo waiting; exec sleep 60', 100)), /not done within 0.1 s: waiting/);
  assert.match(await messageOf(run('exec sleep 60', 10_000, AbortSignal.timeout(50))), /timeout/);
});

test('programs of the system are not told what ours were told', () => {
  process.env.CO_TEST_SECRET_URL = 'amqp://root:hunter2@broker';
  try {
    assert.is(systemEnvironment().CO_TEST_SECRET_URL, undefined);
  } finally {
    delete process.env.CO_TEST_SECRET_URL;
  }
  assert.ok(systemEnvironment().PATH?.includes('/usr/sbin'));
});

test.run();
