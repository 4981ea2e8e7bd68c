/** The agent on a real Docker Engine: what only an engine can show. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findFreePorts } from '../../../../bootstrap/services/free-port.ts';
import { createDockerEngine } from '../../../../src/agent/docker/docker-engine.ts';
import { systemClock } from '../../../../src/clock.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { dockerContainerName, labels } from '../../../../src/model/naming.ts';
import type { ContainerSpec } from '../../../../src/model/service.ts';
import {
  type AgentScene,
  createAgentScene,
  kindsReported,
  reported,
  untilReported,
} from '../../../support/agent/agent-fixture.ts';
import { dockerSocket, openDocker, removeContainersOf, whyNoDocker } from '../../../support/servers/docker.ts';
import { type FaultProxy, openFaultProxy } from '../../../support/servers/fault-proxy.ts';
import { testImage as image } from '../../../support/servers/images.ts';
import { openRegistry } from '../../../support/servers/registry.ts';
import { until } from '../../../support/wait.ts';

const test = suite('agent on docker');
const whyNot = await whyNoDocker();
if (whyNot !== null) console.log(`skipped: ${whyNot}`);

/** Everything between the agent and Docker goes through the proxy. */
const scenario = (sentence: string, body: (scene: AgentScene, proxy: FaultProxy) => Promise<void>) => {
  if (whyNot !== null) return test.skip(sentence);
  return test(sentence, async () => {
    const proxy = await openFaultProxy({ path: dockerSocket });
    const address = proxy.through('tcp://any:1');
    const scene = createAgentScene({
      engineOf: (scope) => createDockerEngine({ clock: systemClock, logger: silentLogger }, { scope, address }),
    });
    try {
      await body(scene, proxy);
    } finally {
      await scene.close();
      await removeContainersOf(scene.clusterId);
      await proxy.close();
    }
  });
};

const shell = (script: string, members: Partial<ContainerSpec> = {}): Partial<ContainerSpec> => ({
  ...{ image, command: ['sh', '-c', script], stopTimeoutSeconds: 2, ...members },
});

const containerOf = ({ clusterId }: AgentScene, container: string) =>
  openDocker().getContainer(dockerContainerName(clusterId, container));

const untilRemoved = ({ engine }: AgentScene, container: string) =>
  until('its removal', async () => (await engine.inspect(container)) === null);

// Docker reads the two streams side by side: what is written within milliseconds may change places.
scenario('an exit code and the last 20 lines of both streams', async (scene) => {
  await scene.startAgent();
  const container = await scene.manager.queue(shell('seq 1 30; sleep 0.3; echo oops >&2; exit 7'));
  const failed = await untilReported(scene.manager, container, 'failed');
  assert.is(failed.exitCode, 7);
  assert.is(failed.reason, 'exited');
  assert.equal(failed.logTail, [...Array.from({ length: 19 }, (_, index) => `${index + 12}`), 'oops']);
  await untilRemoved(scene, container);
});

scenario('exit code 0 is a completion', async (scene) => {
  await scene.startAgent();
  const container = await scene.manager.queue(shell('echo done'));
  assert.equal((await untilReported(scene.manager, container, 'completed')).logTail, ['done']);
});

scenario('out of memory is reported as that', async (scene) => {
  await scene.startAgent();
  const hog = shell('x=a; while true; do x=$x$x$x$x; done', {
    resources: { memoryBytes: 16 * 2 ** 20, cpuMillis: null },
  });
  const container = await scene.manager.queue(hog);
  assert.is((await untilReported(scene.manager, container, 'failed')).reason, 'oom');
});

scenario(
  'a child killed for memory is no end of its container: that is what the container makes of it',
  async (scene) => {
    await scene.startAgent();
    const resources = { memoryBytes: 16 * 2 ** 20, cpuMillis: null };
    const hog = '(x=a; while true; do x=$x$x$x$x; done)';
    const goesOn = await scene.manager.queue(shell(`${hog}; exit 3`, { resources }));
    const failed = await untilReported(scene.manager, goesOn, 'failed');
    assert.equal([failed.reason, failed.exitCode], ['exited', 3]);
    assert.match(failed.message, /memory ran out inside/);
    const isFine = await scene.manager.queue(shell(`${hog}; exit 0`, { resources }));
    await untilReported(scene.manager, isFine, 'completed');
  },
);

scenario('names of labels and variables are what Docker takes, and a port may have two on the host', async (scene) => {
  await scene.startAgent();
  const [first, second] = (await findFreePorts(2)) as [number, number];
  const labels = [
    { name: 'co.elastic.logs/enabled', value: 'true' },
    { name: 'traefik.http.routers.web.tls.domains[0].main', value: 'example.org' },
  ];
  const env = ['discovery.type', 'A.B', '1 2'].map((name) => ({ name, value: 'x' }));
  const ports = [first, second].map((host) => ({ container: 80, host, protocol: 'tcp' as const }));
  const container = await scene.manager.queue(shell('sleep 3600', { labels, env, ports }));
  const running = await untilReported(scene.manager, container, 'running');
  assert.equal(new Set(running.ports.map(({ host }) => host)), new Set([first, second]));
  const { Config } = await containerOf(scene, container).inspect();
  for (const { name, value } of labels) assert.is(Config.Labels[name], value);
  for (const { name } of env) assert.ok(Config.Env.includes(`${name}=x`), name);
});

scenario('a process killed from outside is noticed at once', async (scene) => {
  await scene.startAgent();
  const container = await scene.manager.queue(shell('exec sleep 3600'));
  await untilReported(scene.manager, container, 'running');
  const { State } = await containerOf(scene, container).inspect();
  process.kill(State.Pid, 'SIGKILL');
  const killedMs = performance.now();
  const failed = await untilReported(scene.manager, container, 'failed');
  assert.is(failed.reason, 'killed');
  assert.ok(performance.now() - killedMs < 2_000);
});

scenario('a command that does not exist is a start error in the words of Docker', async (scene) => {
  await scene.startAgent();
  const container = await scene.manager.queue({ image, command: ['/no/such/program'] });
  const failed = await untilReported(scene.manager, container, 'failed');
  assert.is(failed.reason, 'start error');
  assert.match(failed.message, /no such file/i);
  await untilRemoved(scene, container);
});

scenario('a host port taken twice fails the second, with its port in the words', async (scene) => {
  await scene.startAgent();
  const first = await scene.manager.queue({ image, ports: [{ container: 80, host: null, protocol: 'tcp' }] });
  const { ports } = await untilReported(scene.manager, first, 'running');
  const host = ports[0]!.host;
  const second = await scene.manager.queue({ image, ports: [{ container: 80, host, protocol: 'tcp' }] });
  const failed = await untilReported(scene.manager, second, 'failed');
  assert.is(failed.reason, 'start error');
  assert.match(failed.message, new RegExp(`${host}`));
});

scenario('an image no registry has fails as image', async (scene) => {
  await scene.startAgent();
  const container = await scene.manager.queue({ image: 'localhost:1/none:latest' });
  const failed = await untilReported(scene.manager, container, 'failed');
  assert.is(failed.reason, 'image');
  assert.ok(failed.message.length > 0);
});

scenario(
  'many containers of an image that is not there wait for one pull, and each tells its progress',
  async (scene) => {
    const registry = await openRegistry({ isHeld: true });
    try {
      await scene.startAgent();
      const many = Array.from({ length: 6 }, () => scene.manager.queue({ image: registry.image, command: null }));
      const containers = await Promise.all(many);
      for (const container of containers) {
        const progress = await untilReported(scene.manager, container, 'pull-progress');
        assert.is(progress.image, registry.image);
        assert.ok(progress.currentBytes < progress.totalBytes && progress.totalBytes > 4_000_000);
      }
      assert.ok(containers.every((container) => !kindsReported(scene.manager, container).includes('running')));
      registry.release();
      for (const container of containers) await untilReported(scene.manager, container, 'running');
      assert.is(registry.pulls(), 1);
      const late = await scene.manager.queue({ image: registry.image, command: null });
      await untilReported(scene.manager, late, 'running');
      assert.is(registry.pulls(), 1, 'what is local is not asked for again');
    } finally {
      await registry.close();
      await removeContainersOf(scene.clusterId);
      await openDocker().getImage(registry.image).remove({ force: true });
    }
  },
);

scenario('a stop calls off the pull on the engine, and the next one pulls', async (scene) => {
  const registry = await openRegistry({ isHeld: true });
  try {
    await scene.startAgent();
    const container = await scene.manager.queue({ image: registry.image, command: null });
    await untilReported(scene.manager, container, 'pull-progress');
    await scene.manager.requestStop(container);
    await untilReported(scene.manager, container, 'stopped');
    assert.equal(reported(scene.manager, container).at(-1)?.kind, 'stopped');
    const next = await scene.manager.queue({ image: registry.image, command: null });
    registry.release();
    await untilReported(scene.manager, next, 'running');
  } finally {
    await registry.close();
    await removeContainersOf(scene.clusterId);
    await openDocker().getImage(registry.image).remove({ force: true });
  }
});

scenario('a stop is heard by the process', async (scene) => {
  await scene.startAgent();
  const container = await scene.manager.queue(shell("trap 'exit 5' TERM; while true; do sleep 0.1; done"));
  await untilReported(scene.manager, container, 'running');
  // The shell needs a moment to set its trap; its log line would be as late.
  await until('the shell', async () => (await containerOf(scene, container).top()).Processes.length > 2);
  await scene.manager.requestStop(container);
  assert.is((await untilReported(scene.manager, container, 'stopped')).exitCode, 5);
  await untilRemoved(scene, container);
});

scenario('the next agent adopts what runs, and it is the same process', async (scene) => {
  const agent = await scene.startAgent();
  const container = await scene.manager.queue({ image });
  await untilReported(scene.manager, container, 'running');
  const before = (await containerOf(scene, container).inspect()).State.Pid;
  await agent.close();
  await scene.startAgent();
  assert.is((await containerOf(scene, container).inspect()).State.Pid, before);
  await containerOf(scene, container).kill();
  assert.is((await untilReported(scene.manager, container, 'failed')).reason, 'killed');
  assert.equal(kindsReported(scene.manager, container), ['starting', 'running', 'failed']);
});

scenario('a secret reaches its variable, and nothing else that Docker shows', async (scene) => {
  const secretsDir = await mkdtemp(join(tmpdir(), 'co-secrets-'));
  try {
    await writeFile(join(secretsDir, 'api-key'), 'hunter2-hunter2\n');
    await scene.startAgent({ secretsDir });
    const env = [{ name: 'KEY', secret: 'api-key' }];
    const container = await scene.manager.queue(shell('echo $KEY; exec sleep 3600', { env }));
    await untilReported(scene.manager, container, 'running');
    const inspection = await containerOf(scene, container).inspect();
    assert.ok(inspection.Config.Env.includes('KEY=hunter2-hunter2'));
    const others = { ...inspection, Config: { ...inspection.Config, Env: [] } };
    assert.not.match(JSON.stringify(others), 'hunter2');
    assert.not.match(JSON.stringify(scene.manager.reports), 'hunter2');
    const talker = await scene.manager.queue(shell('echo "key: $KEY"; echo -n "$KEY" | base64; exit 3', { env }));
    const { logTail } = await untilReported(scene.manager, talker, 'failed');
    assert.equal(logTail, ['key: [secret api-key]', '[secret api-key]']);
  } finally {
    await rm(secretsDir, { recursive: true, force: true });
  }
});

scenario('an end during a broken connection is found when it is back', async (scene, proxy) => {
  await scene.startAgent();
  const container = await scene.manager.queue({ image });
  await untilReported(scene.manager, container, 'running');
  const killed = containerOf(scene, container).kill();
  proxy.cut();
  await killed;
  await untilReported(scene.manager, container, 'failed');
});

scenario('connections cut again and again start nothing twice and lose nothing', async (scene, proxy) => {
  const sinceSeconds = Math.floor(Date.now() / 1000) - 1;
  await scene.startAgent();
  const containers = await Promise.all(Array.from({ length: 12 }, () => scene.manager.queue({ image })));
  const isRunning = (container: string) => kindsReported(scene.manager, container).includes('running');
  let cuts = 0;
  await until(
    'all of them to run',
    () => {
      if (cuts < 20) cuts += proxy.cut() > 0 ? 1 : 0;
      return containers.every(isRunning);
    },
    30_000,
  );
  assert.ok(cuts > 2, `${cuts} cuts`);
  const starts = await readStarts(scene.clusterId, sinceSeconds);
  assert.equal(starts.toSorted(), containers.toSorted());
});

/** The containers of every start Docker has seen since then. */
async function readStarts(clusterId: string, sinceSeconds: number): Promise<string[]> {
  const until = Math.ceil(Date.now() / 1000);
  const filters = { event: ['start'], label: [`${labels.clusterId}=${clusterId}`] };
  const stream = await openDocker().getEvents({ since: sinceSeconds, until, filters });
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  const lines = Buffer.concat(chunks).toString().split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line).Actor.Attributes[labels.container]);
}

test.run();
