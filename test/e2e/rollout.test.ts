/** Releases of a real HTTP service on a real Docker Engine: no request fails for lack of a serving replica. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dockerContainerName } from '../../src/model/naming.ts';
import { type Api, createApi } from '../support/cluster/api.ts';
import { type Program, startProgram } from '../support/cluster/cluster.ts';
import { dockerSocket, openDocker, removeContainersOf, whyNoDocker } from '../support/servers/docker.ts';
import { testImage as image } from '../support/servers/images.ts';
import { until } from '../support/wait.ts';

const test = suite('releases on Docker');
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
    program = startProgram(['up', ...options, '--workers', '3'], { CO_LOG_LEVEL: 'warn' });
    api = createApi(await program.line('ready '));
    clusterId = (await api.get<{ cluster: { id: string } }>('/state')).cluster.id;
  });
  test.after(async () => {
    await program.end();
    await removeContainersOf(clusterId);
    await rm(folder, { recursive: true, force: true });
  });
}

const replicas = 4;
const probe = { intervalSeconds: 1, timeoutSeconds: 1, retries: 2 };

/** A web server that answers with its version; it takes a second until it does, as real ones do. */
const serving = (version: string) => ({
  serviceName: 'web',
  replicas,
  health: { http: { path: '/', port: 80 }, ...probe },
  update: { minHealthySeconds: 2 },
  container: {
    image,
    command: ['sh', '-c', `echo ${version} > /index.html; sleep 1; exec httpd -f -p 80 -h /`],
    ports: [{ container: 80 }],
    stopTimeoutSeconds: 1,
  },
});

async function release(service: object): Promise<void> {
  const { status, text } = await api.call('POST', '/service', { services: [service] });
  assert.is(status, 202, text);
}

type Polls = { answers: Map<string, number>; failures: string[]; end(): Promise<void> };

/**
 * As a load balancer that follows the healthy containers: a request that is refused goes to the next one, and one that no
 * container takes has failed.
 */
function pollHealthy(): Polls {
  const ending = new AbortController();
  const answers = new Map<string, number>();
  const failures: string[] = [];
  const ask = async () => {
    const ports = (await api.containers('web')).flatMap(({ health, ports: [first] }) =>
      health === 'healthy' && first ? [first.host] : [],
    );
    for (const port of ports) {
      const answer = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(2_000) }).catch(() => null);
      if (!answer?.ok) continue;
      const version = (await answer.text()).trim();
      answers.set(version, (answers.get(version) ?? 0) + 1);
      return;
    }
    failures.push(`${new Date().toISOString()}: none of ${ports.length} healthy containers answered`);
  };
  const polling = (async () => {
    while (!ending.signal.aborted) {
      await ask();
      await pause(50);
    }
  })();
  return {
    answers,
    failures,
    async end() {
      ending.abort();
      await polling;
    },
  };
}

promise('a good release is polled through without a failure, and all answer by the new version', async () => {
  await release(serving('v1'));
  await api.converged('web');
  const polls = pollHealthy();
  await release(serving('v2'));
  await until(
    'the rollout is complete',
    async () => (await api.service('web'))?.rollout?.state === 'completed',
    60_000,
  );
  await api.converged('web');
  await pause(300);
  await polls.end();
  assert.equal(polls.failures, []);
  assert.ok((polls.answers.get('v1') ?? 0) > 0 && (polls.answers.get('v2') ?? 0) > 0);
  assert.ok((await api.containers('web')).every(({ health }) => health === 'healthy'));
});

for (const [what, container, words] of [
  ['that exits at once', { command: ['sh', '-c', 'echo no configuration; exit 3'] }, /exit code 3/],
  ['that never becomes healthy', { command: ['sleep', '3600'] }, /unhealthy|refused|ECONNREFUSED/],
  ['whose image does not exist', { image: 'localhost:1/none:latest' }, /image/],
] as const) {
  promise(`a release ${what} takes nothing down, is paused in words, and is left by a rollback`, async () => {
    const polls = pollHealthy();
    const good = serving('v2');
    await release({ ...good, container: { ...good.container, ...container } });
    const paused = await until(
      'the rollout is paused',
      async () => {
        const found = await api.service('web');
        assert.ok((found?.running ?? 0) >= replicas, `${found?.running} of ${replicas} run`);
        return found?.status === 'paused' ? found : null;
      },
      30_000,
    );
    assert.match(paused.reason!, words);
    const { status, text } = await api.call('POST', '/service/web/rollback');
    assert.is(status, 202, text);
    await api.converged('web', 60_000);
    await polls.end();
    assert.equal(polls.failures, []);
    const { generations } = await api.get<{ generations: { outcome: string; rollbackTo: number | null }[] }>(
      '/service/web/generations?limit=2',
    );
    assert.equal(
      generations.map(({ outcome }) => outcome),
      ['converged', 'failed'],
    );
  });
}

promise('a container that becomes unhealthy is replaced, and the log says what its check met', async () => {
  const check = 'kill -0 $(cat /pid) 2>/dev/null && exit 0; echo the worker is gone; exit 1';
  const command = ['sh', '-c', 'sleep 3600 & echo $! > /pid; exec httpd -f -p 80 -h /'];
  const { container, ...plain } = serving('v3');
  await release({ ...plain, health: { command: ['sh', '-c', check], ...probe }, container: { ...container, command } });
  await until(
    'the rollout is complete',
    async () => (await api.service('web'))?.rollout?.state === 'completed',
    60_000,
  );
  const [sick] = await api.containers('web');
  const handle = openDocker().getContainer(dockerContainerName(clusterId, sick!.container));
  const exec = await handle.exec({ Cmd: ['sh', '-c', 'kill -9 $(cat /pid)'] });
  const output = await exec.start({ Detach: true });
  output.destroy();
  await until(
    'it is replaced',
    async () => {
      const now = await api.containers('web');
      return (
        now.length === replicas &&
        now.every(({ container: id, health }) => id !== sick!.container && health === 'healthy')
      );
    },
    30_000,
  );
  const story = await api.events(`container=${sick!.container}`);
  const unhealthy = story.find(({ type }) => type === 'ContainerUnhealthy');
  assert.match((unhealthy!.data as { output: string }).output, 'the worker is gone');
  const stop = story.find(({ type }) => type === 'ContainerStopRequested');
  assert.is((stop!.data as { reason: string }).reason, 'unhealthy');
});

/** With the check that an agent makes itself, which a paused container does not answer. */
const pausedFor = (pausedGraceSeconds: number | null) => {
  const { container, ...plain } = serving('v4');
  return release({ ...plain, container: { ...container, pausedGraceSeconds } });
};

promise('a container that stays paused on its engine is replaced', async () => {
  const [halted] = await api.containers('web');
  await openDocker().getContainer(dockerContainerName(clusterId, halted!.container)).pause();
  await until(
    'it is replaced',
    async () => (await api.containers('web')).every(({ container }) => container !== halted!.container),
    40_000,
  );
  const story = await api.events(`container=${halted!.container}`);
  const unhealthy = story.find(({ type }) => type === 'ContainerUnhealthy');
  assert.match((unhealthy!.data as { output: string }).output, 'it has been paused on its engine for 10 s');
  await api.converged('web', 60_000);
});

promise('a container whose service lets it be paused for ever stays, and serves again when it goes on', async () => {
  await pausedFor(null);
  await api.converged('web', 60_000);
  const before = (await api.containers('web')).map(({ container }) => container);
  const halted = openDocker().getContainer(dockerContainerName(clusterId, before[0]!));
  await halted.pause();
  // Longer than the default, and than its check is patient.
  await pause(12_000);
  const after = await api.containers('web');
  assert.equal(
    after.map(({ container, health }) => [container, health]),
    before.map((container) => [container, 'healthy']),
  );
  await halted.unpause();
  await pause(3_000);
  assert.ok((await api.containers('web')).every(({ health }) => health === 'healthy'));
});

promise('the grace of a service is as long as it says', async () => {
  await pausedFor(2);
  await api.converged('web', 60_000);
  const [halted] = await api.containers('web');
  await openDocker().getContainer(dockerContainerName(clusterId, halted!.container)).pause();
  const unhealthy = await until(
    'it is unhealthy',
    async () =>
      (await api.events(`container=${halted!.container}`)).find(({ type }) => type === 'ContainerUnhealthy') ?? null,
    9_000,
  );
  assert.match((unhealthy.data as { output: string }).output, 'it has been paused on its engine for 2 s');
  await api.converged('web', 60_000);
});

test.run();
