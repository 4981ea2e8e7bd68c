/** The whole slice as a person meets it: the program, the embedded log, a real Docker Engine. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { labels } from '../../src/model/naming.ts';
import { type Api, createApi } from '../support/cluster/api.ts';
import { type Program, startProgram } from '../support/cluster/cluster.ts';
import { dockerSocket, openDocker, removeContainersOf, whyNoDocker } from '../support/servers/docker.ts';
import { testImage as image } from '../support/servers/images.ts';
import { until } from '../support/wait.ts';

const test = suite('embedded cluster on Docker');
const whyNot = await whyNoDocker();
if (whyNot !== null) console.log(`skipped: ${whyNot}`);
const promise = (sentence: string, body: () => Promise<void>) =>
  whyNot === null ? test(sentence, body) : test.skip(sentence);

const docker = openDocker();
let folder: string;
let program: Program;
let api: Api;
let clusterId: string;

const options = () => ['--data', folder, '--port', '0', '--engine', 'docker', '--docker', dockerSocket];

async function up(): Promise<void> {
  program = startProgram(['up', ...options(), '--workers', '3'], { CO_LOG_LEVEL: 'warn' });
  api = createApi(await program.line('ready '));
  clusterId = (await api.get<{ cluster: { id: string } }>('/state')).cluster.id;
}

if (whyNot === null) {
  test.before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'co-e2e-'));
    await up();
  });
  test.after(async () => {
    await program.end();
    await removeContainersOf(clusterId);
    await rm(folder, { recursive: true, force: true });
  });
}

type OnEngine = { id: string; container: string; node: string; isRunning: boolean; startedAt: string };

/** What the engine has of a service, also what has ended and is not removed yet, by container id of ours. */
async function onEngine(service: string): Promise<OnEngine[]> {
  const filters = { label: [`${labels.clusterId}=${clusterId}`, `${labels.service}=${service}`] };
  const found = await docker.listContainers({ all: true, filters });
  const inspected = await Promise.all(found.map(({ Id }) => docker.getContainer(Id).inspect().catch(nullIfGone)));
  return inspected
    .filter((item) => item !== null)
    .map(({ Id, State, Config }) => ({
      id: Id,
      container: Config.Labels[labels.container] ?? '',
      node: Config.Labels[labels.node] ?? '',
      isRunning: State.Running,
      startedAt: State.StartedAt,
    }))
    .sort((a, b) => (a.container < b.container ? -1 : 1));
}

function nullIfGone(error: unknown): null {
  if ((error as { statusCode?: number }).statusCode === 404) return null;
  throw error;
}

/** An ended container is taken from the engine after its end is in the log. */
const untilOnEngine = (service: string, count: number) =>
  until(`the engine has ${count} of ${service}`, async () => {
    const found = await onEngine(service);
    return found.length === count && found.every(({ isRunning }) => isRunning) ? found : null;
  });

promise('three replicas run on three nodes, and the log tells how they came to be', async () => {
  const { position } = await api.ask({ serviceName: 'web', replicas: 3, image });
  await api.converged('web');
  const real = await onEngine('web');
  assert.equal(real.map(({ node }) => node).toSorted(), ['worker-1', 'worker-2', 'worker-3']);
  assert.ok(real.every(({ isRunning }) => isRunning));
  assert.equal(
    real.map(({ container }) => container),
    (await api.containers('web')).map(({ container }) => container),
  );
  const [first] = real;
  // One of the three says for all what the image means.
  const resolved = await api.events('service=web&type=ImageResolved');
  assert.equal(
    resolved.map(({ data }) => 'digest' in data && data.digest),
    [null],
  );
  const about = await api.events(`container=${first?.container}`);
  const story = about.filter(({ type }) => type !== 'ImageResolved');
  assert.equal(
    story.map(({ type }) => type),
    ['ContainerQueued', 'ContainerStarting', 'ContainerRunning'],
  );
  const [asked] = (await api.events('service=web')).filter(({ type }) => type === 'ServiceRequested');
  assert.is(asked?.position, position);
  assert.is(story[0]?.meta.causationId, asked?.meta.eventId);
  assert.is(story[1]?.meta.causationId, story[0]?.meta.eventId);
  assert.ok(story.every(({ meta }) => meta.correlationId === asked?.meta.correlationId));
});

promise('the same request again changes nothing', async () => {
  const before = await onEngine('web');
  const { services } = await api.ask({ serviceName: 'web', replicas: 3, image });
  assert.equal(services, [{ serviceName: 'web', generation: 1, changed: false }]);
  await api.converged('web');
  assert.equal(await onEngine('web'), before);
});

promise('scaled up the old stay as they are, scaled down the newest slots go', async () => {
  const before = await onEngine('web');
  await api.ask({ serviceName: 'web', replicas: 5, image });
  await api.converged('web');
  const wider = await onEngine('web');
  assert.is(wider.length, 5);
  for (const old of before) assert.ok(wider.some(({ id, startedAt }) => id === old.id && startedAt === old.startedAt));
  await api.call('PATCH', '/service/web', { replicas: 2 });
  await api.converged('web');
  await untilOnEngine('web', 2);
  assert.equal(
    (await api.containers('web')).map(({ slot }) => slot),
    [1, 2],
  );
});

promise('another spec replaces every container, each by its successor', async () => {
  const before = await api.containers('web');
  await api.ask({ serviceName: 'web', replicas: 2, image, container: { env: { MODE: 'new' } } });
  const { generation } = await api.converged('web');
  const after = await api.containers('web');
  assert.equal(
    after.map(({ replaces }) => replaces),
    before.map(({ container }) => container),
  );
  assert.ok(after.every((row) => row.generation === generation));
  const [first] = await untilOnEngine('web', 2);
  const { Config } = await docker.getContainer(first!.id).inspect();
  assert.ok(Config.Env.includes('MODE=new'));
  assert.ok(Config.Env.includes('CO_SERVICE=web'));
});

promise('a killed container is replaced at once, and the log says what killed it', async () => {
  const [victim] = await untilOnEngine('web', 2);
  await docker.getContainer(victim!.id).kill();
  const replacement = await until('a successor runs', async () => {
    const rows = await api.containers('web', '&state=running');
    return rows.find(({ replaces }) => replaces === victim!.container);
  });
  const [ended] = (await api.events(`container=${victim!.container}`)).filter(({ type }) => type === 'ContainerFailed');
  const { reason, exitCode } = ended!.data as { reason: string; exitCode: number };
  assert.equal([reason, exitCode], ['killed', 137]);
  const [queued] = await api.events(`container=${replacement.container}`);
  assert.is(queued?.meta.causationId, ended?.meta.eventId);
  await api.converged('web');
});

promise('a container that fails leaves its exit code and last lines, and backs off', async () => {
  const container = { command: ['sh', '-c', 'for n in $(seq 30); do echo line $n; done; exit 3'] };
  await api.ask({ serviceName: 'broken', replicas: 1, image, container });
  const row = await until('it is degraded', async () => {
    const found = await api.service('broken');
    return found?.status === 'degraded' ? found : null;
  });
  assert.match(String(row.reason), /broken\.1 failed .*exit code 3; next attempt/);
  const [failed] = await api.events('service=broken&type=ContainerFailed');
  const { exitCode, logTail } = failed!.data as { exitCode: number; logTail: string[] };
  assert.is(exitCode, 3);
  assert.equal(
    logTail,
    Array.from({ length: 20 }, (_, n) => `line ${n + 11}`),
  );
  assert.ok((await api.events('service=broken&type=RestartDelayed')).length > 0);
  await api.call('DELETE', '/service/broken');
  await api.gone('broken');
  await untilOnEngine('broken', 0);
});

promise('an image that does not exist fails with words, and the service shows why', async () => {
  await api.ask({ serviceName: 'ghost', replicas: 1, image: '127.0.0.1:1/no/such:1' });
  const row = await until('it says why', async () => {
    const found = await api.service('ghost');
    return found?.status === 'degraded' ? found : null;
  });
  assert.match(String(row.reason), /ghost\.1 failed.*image: /);
  await api.call('DELETE', '/service/ghost');
  await api.gone('ghost');
});

promise('what finds no place is blocked with its reasons, and placed as soon as there is room', async () => {
  const ports = [{ container: 80, host: 18_432 }];
  await api.ask({ serviceName: 'one', replicas: 1, image, container: { ports } });
  await api.converged('one');
  await api.ask({ serviceName: 'two', replicas: 1, image, container: { ports } });
  const blocked = await until('it is blocked', async () => {
    const found = await api.service('two');
    return found?.status === 'blocked' ? found : null;
  });
  assert.match(String(blocked.reason), /host port 18432\/tcp is taken/);
  await api.call('DELETE', '/service/one');
  await api.converged('two');
  await api.call('DELETE', '/service/two');
  await api.gone('two');
});

promise('a drained node is emptied, and used again once it is active', async () => {
  await api.ask({ serviceName: 'wide', replicas: 3, image });
  await api.converged('wide');
  await api.call('POST', '/node/worker-2/drain');
  await until('worker-2 is empty', async () => (await onEngine('wide')).every(({ node }) => node !== 'worker-2'));
  await api.converged('wide');
  await api.call('POST', '/node/worker-2/activate');
  await api.call('PATCH', '/service/wide', { replicas: 6 });
  await api.converged('wide');
  assert.ok((await api.containers('wide')).some(({ node }) => node === 'worker-2'));
  await api.call('DELETE', '/service/wide');
  await api.gone('wide');
});

promise('stopped by SIGTERM within 5 s, containers run on, and the next start adopts them', async () => {
  await api.converged('web');
  const before = await untilOnEngine('web', 2);
  const startedMs = performance.now();
  assert.is(await program.end('SIGTERM'), 0);
  assert.ok(performance.now() - startedMs < 5_000);
  assert.equal(await onEngine('web'), before);
  await up();
  await api.converged('web');
  assert.equal(await onEngine('web'), before);
});

promise('killed with no warning, nothing that was accepted is lost and nothing is restarted', async () => {
  const before = await onEngine('web');
  const { position } = await api.ask({ serviceName: 'late', replicas: 2, image });
  await program.end('SIGKILL');
  await up();
  await api.converged('late');
  await api.converged('web');
  const [asked] = await api.events('service=late&type=ServiceRequested');
  assert.is(asked?.position, position);
  await untilOnEngine('late', 2);
  assert.equal(await onEngine('web'), before);
});

promise('a container that ended while nobody watched is found and replaced', async () => {
  await program.end('SIGKILL');
  const [victim, survivor] = await onEngine('web');
  await docker.getContainer(victim!.id).kill();
  await up();
  await until('its successor runs', async () => {
    const rows = await api.containers('web', '&state=running');
    return rows.some(({ replaces }) => replaces === victim!.container);
  });
  await api.converged('web');
  const real = await untilOnEngine('web', 2);
  assert.ok(real.some(({ id, startedAt }) => id === survivor!.id && startedAt === survivor!.startedAt));
});

promise('every container has one terminal event at most, and ranks only rise', async () => {
  const terminal = new Set(['ContainerStopped', 'ContainerFailed', 'ContainerCompleted']);
  const order = ['ContainerQueued', 'ContainerStarting', 'ContainerRunning', 'ContainerStopRequested'];
  const streams = Map.groupBy(await api.events('class=fact'), ({ stream }) => stream);
  for (const [stream, events] of streams) {
    if (!stream.startsWith('container/')) continue;
    const ranks = events.map(({ type }) => (terminal.has(type) ? order.length : order.indexOf(type)));
    assert.equal(ranks, [...new Set(ranks)].toSorted(), `${stream}: ${events.map(({ type }) => type)}`);
  }
});

test.run();
