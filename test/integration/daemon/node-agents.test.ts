/** The agents of a process beside a real manager, on the simulated engine. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readConfig } from '../../../src/daemon/config.ts';
import { type Manager, startManager } from '../../../src/daemon/manager.ts';
import { createNodeAgents, type NodeAgents, nodesOf } from '../../../src/daemon/node-agents.ts';
import { silentLogger } from '../../../src/logger.ts';
import { until } from '../../support/wait.ts';

const test = suite('node agents');

type Scene = { manager: Manager; open(...args: string[]): Promise<NodeAgents> };

const scenario = (sentence: string, body: (scene: Scene) => Promise<void>) =>
  test(sentence, async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'co-agents-'));
    const config = (...args: string[]) => readConfig(['--data', dataDir, '--port', '0', ...args], {});
    const manager = await startManager(config(), { logger: silentLogger, onFatal: () => {} });
    const opened: NodeAgents[] = [];
    const open = async (...args: string[]) => {
      const deps = { cluster: manager.cluster, busOf: manager.agentBus!, logger: silentLogger };
      const agents = await createNodeAgents(config(...args), deps);
      opened.push(agents);
      return agents;
    };
    try {
      await body({ manager, open });
    } finally {
      for (const agents of opened) await agents.close();
      await manager.close();
      await rm(dataDir, { recursive: true, force: true });
    }
  });

test('a process speaks for its workers, or for the one node it is told', () => {
  assert.equal(nodesOf({ node: null, workers: 3 }), ['worker-1', 'worker-2', 'worker-3']);
  assert.equal(nodesOf({ node: 'berlin', workers: 3 }), ['berlin']);
});

scenario('all workers become ready, and each is told', async ({ manager, open }) => {
  const agents = await open('--engine', 'simulated', '--workers', '3');
  const ready: string[] = [];
  await agents.start((node) => ready.push(node));
  assert.equal(ready.toSorted(), ['worker-1', 'worker-2', 'worker-3']);
  assert.equal(manager.readyNodes().toSorted(), ready.toSorted());
  assert.match(agents.engine, 'SIMULATED');
});

scenario('a bus that does not let go holds up the end no longer than its deadline', async ({ manager }) => {
  const busOf = (node: string) => ({ ...manager.agentBus!(node), close: () => new Promise<void>(() => {}) });
  const config = readConfig(['--engine', 'simulated', '--workers', '2'], {});
  const agents = await createNodeAgents(config, { cluster: manager.cluster, busOf, logger: silentLogger });
  await agents.start(() => {});
  const startedMs = performance.now();
  await agents.close({ withinMs: 500 });
  assert.ok(performance.now() - startedMs < 1_500);
});

scenario('without Docker an engine chosen by itself is the simulated one, and says so', async ({ open }) => {
  const agents = await open('--engine', 'auto', '--docker', '/nowhere/docker.sock', '--workers', '1');
  assert.is(agents.engine, 'SIMULATED: no container runs');
});

scenario('a Docker that was asked for and does not answer is waited for', async ({ open }) => {
  const agents = await open('--engine', 'docker', '--docker', '/nowhere/docker.sock', '--workers', '1');
  assert.match(agents.engine, 'does not answer yet');
  let isSettled = false;
  const settle = () => {
    isSettled = true;
  };
  agents.start(() => {}).then(settle, settle);
  await agents.close();
  assert.not(isSettled);
});

scenario('services run on them, scale and go', async (scene) => {
  const { manager, open } = scene;
  const args = ['--engine', 'simulated', '--workers', '2'];
  const agents = await open(...args);
  await agents.start(() => {});
  const requested = { serviceName: 'web', replicas: 6, container: { name: 'main', image: 'nginx' } };
  await call(manager, 'POST', '/service', { services: [requested] });
  await until('six to run', async () => (await running(manager)) === 6);
  await call(manager, 'PATCH', '/service/web', { replicas: 2 });
  await until('two to run', async () => (await running(manager)) === 2);
  await call(manager, 'DELETE', '/service/web');
  await until('none to be left', async () => (await call(manager, 'GET', '/service/web')).status === 404);
});

async function call({ url }: Manager, method: string, path: string, body?: unknown) {
  const headers = body === undefined ? {} : { 'content-type': 'application/json' };
  const response = await fetch(`${url}${path}`, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
  return { status: response.status, body: (await response.json().catch(() => null)) as unknown };
}

/** How many of `web` run, and no more than run are there. */
async function running(manager: Manager): Promise<number | null> {
  const { body } = await call(manager, 'GET', '/container_state');
  const { containers } = body as { containers: { state: string }[] };
  const states = containers.map(({ state }) => state);
  return states.every((state) => state === 'running') ? states.length : null;
}

test.run();
