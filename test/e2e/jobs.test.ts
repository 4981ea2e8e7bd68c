/** Jobs and global services on a real Docker Engine: programs that end, that fail, that take too long, and one on every node. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Api, createApi } from '../support/cluster/api.ts';
import { type Program, startProgram } from '../support/cluster/cluster.ts';
import { dockerSocket, openDocker, removeContainersOf, whyNoDocker } from '../support/servers/docker.ts';
import { testImage as image } from '../support/servers/images.ts';
import { until } from '../support/wait.ts';

const test = suite('jobs on Docker');
const whyNot = await whyNoDocker();
if (whyNot !== null) console.log(`skipped: ${whyNot}`);
const promise = (sentence: string, body: () => Promise<void>) =>
  whyNot === null ? test(sentence, body) : test.skip(sentence);

let folder: string;
let program: Program;
let api: Api;
let clusterId: string;

if (whyNot === null) {
  test.before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'co-e2e-'));
    const options = ['--data', folder, '--port', '0', '--engine', 'docker', '--docker', dockerSocket];
    program = startProgram(['up', ...options, '--workers', '2'], { CO_LOG_LEVEL: 'warn' });
    api = createApi(await program.line('ready '));
    clusterId = (await api.get<{ cluster: { id: string } }>('/state')).cluster.id;
  });
  test.after(async () => {
    await program.end();
    await removeContainersOf(clusterId);
    await rm(folder, { recursive: true, force: true });
  });
}

type Run = { run: number; outcome: string; succeeded: number; reason: string | null; container: string | null };

async function request(serviceName: string, script: string, members: object = {}): Promise<void> {
  const container = { image, command: ['sh', '-c', script], stopTimeoutSeconds: 1 };
  const services = [{ serviceName, mode: 'job', container, ...members }];
  const { status, text } = await api.call('POST', '/service', { services });
  assert.is(status, 202, text);
}

const runsOf = async (name: string): Promise<Run[]> => (await api.get<{ runs: Run[] }>(`/service/${name}`)).runs;

const ended = (name: string, run: number): Promise<Run> =>
  until(
    `run ${run} of ${name} ends`,
    async () => (await runsOf(name)).find((found) => found.run === run && found.outcome !== 'running') ?? null,
    60_000,
  );

promise('a program that ends with 0 is run as often as it has to be, and again when it is restarted', async () => {
  await request('sum', 'echo 42', { job: { completions: 3, parallelism: 2 } });
  assert.equal(await ended('sum', 1).then(({ outcome, succeeded }) => [outcome, succeeded]), ['completed', 3]);
  assert.equal((await api.events('type=ContainerCompleted&service=sum')).length, 3);
  assert.is((await api.service('sum'))?.status, 'completed');
  assert.is((await api.call('POST', '/service/sum/restart')).status, 202);
  assert.is((await ended('sum', 2)).outcome, 'completed');
  assert.is((await api.events('type=JobDue&service=sum')).length, 2);
});

promise('a program that fails is tried again, and what it printed last is kept with the failure', async () => {
  await request('broken', 'echo no such table; exit 3', {
    job: { maxAttempts: 2 },
    restart: { delaySeconds: 0 },
  });
  const run = await ended('broken', 1);
  assert.is(run.outcome, 'failed');
  assert.match(run.reason!, /^broken\.1 failed 2 times, the last time: exited: exit code 3$/);
  const [failed] = await api.events('type=JobFailed&service=broken');
  assert.equal((failed!.data as { lastWords: string[] }).lastWords, ['no such table']);
  assert.is((await api.events('type=ContainerQueued&service=broken')).length, 2);
  const { status, reason } = (await api.service('broken'))!;
  assert.equal([status, reason], ['degraded', `run 1 failed: ${run.reason}`]);
});

promise('a program that takes too long is stopped, and nothing of it is left on the engine', async () => {
  await request('endless', 'sleep 600', { job: { timeoutSeconds: 3 } });
  assert.match((await ended('endless', 1)).reason!, /^it took longer than 3 s/);
  const docker = openDocker();
  const filters = { label: [`co.cluster-id=${clusterId}`, 'co.service=endless'] };
  await until('its container is gone', async () => {
    const left = await docker.listContainers({ all: true, filters });
    return left.length === 0 ? true : null;
  });
  const [stop] = await api.events('type=ContainerStopRequested&service=endless');
  assert.is((stop!.data as { reason: string }).reason, 'job timed out');
});

promise('a schedule runs its job once a tick, on time, also after the manager was started again', async () => {
  await request('tick', 'date', { schedule: { cron: '*/4 * * * * *' } });
  type Due = { dueAt: string; cause: string };
  const dues = async () =>
    (await api.events('type=JobDue&service=tick')).map(({ at, data }) => ({ at, ...(data as Due) }));
  const atLeast = (count: number) =>
    until(`${count} ticks`, async () => ((await dues()).length >= count ? true : null), 60_000);
  await atLeast(2);
  await program.end();
  const options = ['--data', folder, '--port', '0', '--engine', 'docker', '--docker', dockerSocket];
  program = startProgram(['up', ...options, '--workers', '2'], { CO_LOG_LEVEL: 'warn' });
  api = createApi(await program.line('ready '));
  await atLeast(4);
  const found = await dues();
  assert.is(new Set(found.map(({ dueAt }) => dueAt)).size, found.length, 'one run a tick');
  for (const { dueAt, cause } of found) assert.equal([Date.parse(dueAt) % 4_000, cause], [0, 'schedule']);
  const [first] = found;
  assert.ok(Date.parse(first!.at) - Date.parse(first!.dueAt) < 1_500, `${first!.at} for ${first!.dueAt}`);
  await until('its runs complete', async () => {
    const runs = await runsOf('tick');
    return runs.filter(({ outcome }) => outcome === 'completed').length >= 3 ? true : null;
  });
  assert.is((await api.call('PATCH', '/service/tick', { schedule: null })).status, 202);
});

promise('a global service has one container on every node, and leaves and returns with its node', async () => {
  const container = { image, command: ['sh', '-c', 'sleep 600'], stopTimeoutSeconds: 1 };
  const { status, text } = await api.call('POST', '/service', {
    services: [{ serviceName: 'proxy', mode: 'global', container }],
  });
  assert.is(status, 202, text);
  await api.converged('proxy');
  const nodesOf = async () =>
    (await api.containers('proxy'))
      .filter(({ state }) => state === 'running')
      .map(({ node }) => node)
      .toSorted();
  const nodes = (await api.nodes()).map(({ node }) => node).toSorted();
  assert.equal(await nodesOf(), nodes);
  const [drained, ...others] = nodes;
  assert.is((await api.call('POST', `/node/${drained}/drain`)).status, 202);
  await until('the drained node is left', async () => ((await nodesOf()).length === others.length ? true : null));
  assert.equal(await nodesOf(), others);
  assert.is((await api.converged('proxy')).replicas, others.length);
  assert.is((await api.call('POST', `/node/${drained}/activate`)).status, 202);
  await until('it is back', async () => ((await nodesOf()).length === nodes.length ? true : null));
});

test.run();
