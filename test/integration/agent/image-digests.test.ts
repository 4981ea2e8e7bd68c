/** Nodes that have different images under one name, on the real reconciler: the first decides, and all run the same. */

import { randomUUID } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createAgent } from '../../../src/agent/agent.ts';
import { createStartLimiter } from '../../../src/agent/containers/start-limiter.ts';
import type { Engine } from '../../../src/agent/engine/engine.ts';
import { createSimulatedMachine } from '../../../src/agent/simulated/simulated-engine.ts';
import { createEmbeddedBroker } from '../../../src/bus/embedded/embedded-bus.ts';
import { systemClock } from '../../../src/clock.ts';
import { createCommitLog } from '../../../src/events/log/commit-log.ts';
import { type NewEvent, streams } from '../../../src/events/schema/event.ts';
import { specHash } from '../../../src/events/schema/hash.ts';
import { silentLogger } from '../../../src/logger.ts';
import { noHostAccess } from '../../../src/model/host-access.ts';
import { createProjector } from '../../../src/projections/live/projector.ts';
import { createReconciler } from '../../../src/reconciler/controller/controller.ts';
import { readAll } from '../../support/log/log-events.ts';
import { createMemoryStore } from '../../support/log/memory-store.ts';
import { specOf } from '../../support/specs.ts';
import { until } from '../../support/wait.ts';

const test = suite('digests on several nodes');
const nodes = ['worker-1', 'worker-2', 'worker-3'] as const;
const meta = { actor: 'person:test', causationId: null };
/** Under one tag each node has another. */
const digestOn = (node: string) => `sha256:${node.slice(-1).repeat(64)}`;

async function openScene() {
  const clusterId = randomUUID();
  const broker = createEmbeddedBroker({ clusterId, logger: silentLogger });
  const log = await createCommitLog(
    { store: createMemoryStore(), clock: systemClock, logger: silentLogger },
    { writer: 'test' },
  );
  const projector = createProjector({ log, logger: silentLogger, clock: systemClock });
  await log.append([{ stream: streams.cluster, type: 'ClusterCreated', data: { clusterId, name: 'test' }, meta }]);
  await projector.start();
  const reconciler = createReconciler(
    { vault: null, log, projector, bus: broker.manager('m1'), clock: systemClock, logger: silentLogger },
    {
      ...{ clusterId, controllerId: 'm1', isSoleWriter: true, nodeTimeoutMs: 5_000, queueTimeoutMs: 60_000 },
      ...{ holdMs: null, rebalance: null },
    },
  );
  reconciler.start();
  const created: Record<string, string[]> = {};
  const ends: (() => Promise<void>)[] = [];
  for (const node of nodes) {
    const machine = createSimulatedMachine({ clock: systemClock }, { engineId: `engine-of-${node}` });
    const simulated = machine.engine({ clusterId, clusterName: 'test', node });
    const engine: Engine = {
      ...simulated,
      findImage: async () => ({ digest: digestOn(node), reason: null }),
      create(request) {
        created[node] = [...(created[node] ?? []), request.image];
        return simulated.create(request);
      },
    };
    const bus = broker.agent(node);
    const agent = createAgent(
      { engine, bus, clock: systemClock, logger: silentLogger, parallelStarts: createStartLimiter() },
      {
        ...{
          clusterId,
          node,
          secretsDir: null,
          hostAccess: noHostAccess,
          heartbeatMs: 200,
          hostname: node,
          labels: [],
          agentVersion: '1',
        },
        ...{ resyncMs: 60_000, pingMs: 1_000, engineTimeoutMs: 60_000 },
      },
    );
    await agent.start();
    ends.push(async () => {
      await agent.close();
      await bus.close();
      await simulated.close();
    });
  }
  return {
    created,
    view: projector.view,
    async request(generation: number, replicas: number, container = specOf('app:1')) {
      const spec = { service: 'web', generation, changed: true, replicas, container, specHash: specHash(container) };
      const event: NewEvent = { stream: streams.service('web'), type: 'ServiceRequested', data: spec, meta };
      await log.append([event]);
      await until('all replicas run', () => {
        const { live, runningCurrent } = projector.view.services.get('web') ?? {};
        return live === replicas && runningCurrent === replicas;
      });
    },
    resolved: async () =>
      (await readAll(log)).filter((event) => event.type === 'ImageResolved').map(({ data }) => data.digest),
    async close() {
      for (const end of ends) await end();
      await reconciler.close();
      await projector.close();
      await broker.close();
      await log.close();
    },
  };
}

test('containers that start at the same time on three nodes are created from one digest', async () => {
  const scene = await openScene();
  try {
    await scene.request(1, 6);
    const images = new Set(nodes.flatMap((node) => scene.created[node] ?? []));
    assert.is(nodes.filter((node) => scene.created[node]).length, 3, 'every node has some');
    const [digest, ...others] = await scene.resolved();
    assert.equal(others, []);
    assert.equal([...images], [`app@${digest}`]);
    const running = [...scene.view.containers.values()].map(({ imageDigest }) => imageDigest);
    assert.equal(new Set(running), new Set([digest]));
  } finally {
    await scene.close();
  }
});

test('those that come later are told with their start, and ask nothing', async () => {
  const scene = await openScene();
  try {
    await scene.request(1, 1);
    await scene.request(2, 5);
    assert.is((await scene.resolved()).length, 1);
    assert.is(new Set(nodes.flatMap((node) => scene.created[node] ?? [])).size, 1);
  } finally {
    await scene.close();
  }
});

test.run();
