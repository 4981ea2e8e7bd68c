/** The agent with thousands of containers in its hands: what it costs the bus, the engine and its own event loop. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createStartLimiter } from '../../../src/agent/containers/start-limiter.ts';
import { createSimulatedMachine } from '../../../src/agent/simulated/simulated-engine.ts';
import { systemClock } from '../../../src/clock.ts';
import { AppError } from '../../../src/errors.ts';
import { type AgentScene, createAgentScene, kindsReported } from '../../support/agent/agent-fixture.ts';
import { until } from '../../support/wait.ts';

const test = suite('agent with thousands of containers');

const scenario = (sentence: string, body: (scene: AgentScene) => Promise<void>) =>
  test(sentence, async () => {
    const machine = createSimulatedMachine({ clock: systemClock }, { latencyMs: 0 });
    const scene = createAgentScene({ machine, parallelStarts: createStartLimiter(100) });
    try {
      await body(scene);
    } finally {
      await scene.close();
    }
  });

const queueMany = async ({ manager }: AgentScene, count: number) => {
  const containers: string[] = [];
  for (let index = 0; index < count; index += 1) containers.push(await manager.queue({}, { isSent: false }));
  return containers;
};

const statesOf = ({ manager }: AgentScene) => new Set([...manager.wanted.values()].map(({ state }) => state));
const registrations = ({ manager }: AgentScene) => manager.reports.filter(({ kind }) => kind === 'register').length;
const areAllRunning = (scene: AgentScene) => [...statesOf(scene)].join() === 'running';

scenario(
  'ten thousand of them are started, and adopted by the next agent, with one registration each',
  async (scene) => {
    const containers = await queueMany(scene, 10_000);
    const agent = await scene.startAgent();
    await until('all of them to run', () => areAllRunning(scene), 30_000);
    assert.is(registrations(scene), 1);
    await agent.close();
    await scene.startAgent();
    assert.is(registrations(scene), 2);
    assert.ok(containers.every((container) => scene.machine.starts(container) === 1));
    assert.equal(kindsReported(scene.manager, containers.at(-1)!), ['starting', 'running']);
  },
);

scenario('an engine that is away is not asked by each of thousands that wait for it', async (scene) => {
  await queueMany(scene, 3_000);
  const engine = scene.openEngine();
  let asked = 0;
  let isAway = true;
  const create: typeof engine.create = (request) => {
    asked += 1;
    if (isAway) throw new AppError('engine_unavailable', 'away', { retryable: true });
    return engine.create(request);
  };
  await scene.startAgent({ engine: { ...engine, create } });
  await until('the second round', () => asked > 100);
  assert.ok(asked <= 200, `${asked} calls`);
  isAway = false;
  await until('all of them to run', () => areAllRunning(scene), 30_000);
});

test.run();
