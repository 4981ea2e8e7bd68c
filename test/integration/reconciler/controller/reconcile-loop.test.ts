/** The real loop on a real log in memory: nothing between plan and what is written. */

import { randomUUID } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Clock, systemClock } from '../../../../src/clock.ts';
import { createCommitLog } from '../../../../src/events/log/commit-log.ts';
import { type NewEvent, streams } from '../../../../src/events/schema/event.ts';
import { specHash } from '../../../../src/events/schema/hash.ts';
import { silentLogger } from '../../../../src/logger.ts';
import type { ContainerSpec } from '../../../../src/model/service.ts';
import { createProjector } from '../../../../src/projections/live/projector.ts';
import { emptyClusterView, type ServiceView } from '../../../../src/projections/view/cluster-view.ts';
import { createLoop } from '../../../../src/reconciler/controller/reconcile-loop.ts';
import { createLiveness } from '../../../../src/reconciler/intake/liveness.ts';
import { createWorkQueue } from '../../../../src/reconciler/planner/work-queue.ts';
import { createMemoryStore } from '../../../support/log/memory-store.ts';
import { specOf } from '../../../support/specs.ts';
import { until } from '../../../support/wait.ts';

const test = suite('loop');
const meta = { actor: 'person:test', causationId: null };

/** @param logClock dates the commits; the loop has the machine's own */
async function setUp(logClock: Clock) {
  const log = await createCommitLog(
    { store: createMemoryStore(), clock: logClock, logger: silentLogger },
    { writer: 'test' },
  );
  const projector = createProjector({ log, logger: silentLogger, clock: systemClock });
  const append = async (event: NewEvent) => {
    const { last } = await log.append([event]);
    await projector.waitFor(last);
  };
  await log.append([
    { stream: streams.cluster, type: 'ClusterCreated', data: { clusterId: randomUUID(), name: 'test' }, meta },
  ]);
  await projector.start();
  const liveness = createLiveness(systemClock, { timeoutMs: 3_600_000 });
  const loop = createLoop(
    { log, projector, liveness, clock: systemClock, logger: silentLogger },
    { queueTimeoutMs: 600_000, onSuperseded() {} },
  );
  return {
    view: projector.view,
    append,
    lead() {
      loop.start();
      loop.lead(1);
    },
    async close() {
      await loop.close();
      await projector.close();
      await log.close();
    },
  };
}

function registration(node: string, engineId = node): NewEvent {
  const engine = { kind: 'docker' as const, engineId, version: '20.10.24', memoryBytes: 2 ** 40, cpuMillis: 64_000 };
  const data = { node, registrationId: randomUUID(), engine, hostname: node, agentVersion: '1', labels: [] };
  return { stream: streams.node(node), type: 'NodeRegistered', data: { ...data, inventory: [] }, meta };
}

function requestOf(service: string, replicas: number, container: ContainerSpec): NewEvent {
  const data = { service, generation: 1, changed: true, replicas, container, specHash: specHash(container) };
  return { stream: streams.service(service), type: 'ServiceRequested', data, meta };
}

type Scene = Awaited<ReturnType<typeof setUp>>;

function scenario(name: string, play: (cluster: Scene, logClock: { aheadMs: number }) => Promise<void>): void {
  test(name, async () => {
    const logClock = { aheadMs: 0 };
    const cluster = await setUp({ ...systemClock, nowMs: () => Date.now() + logClock.aheadMs });
    await play(cluster, logClock).finally(cluster.close);
  });
}

scenario('placements with long explanations are cut into appends the log takes', async (cluster) => {
  for (let number = 0; number < 40; number += 1) {
    const node = `ip-10-12-34-${100 + number}-eu-central-1-compute-internal`;
    await cluster.append(registration(node, `${'ABCD:'.repeat(12)}${number}`));
    const stream = streams.node(node);
    if (number < 6) await cluster.append({ stream, type: 'NodeCordoned', data: { node }, meta });
    else if (number < 12) await cluster.append({ stream, type: 'NodeDrainRequested', data: { node }, meta });
  }
  cluster.lead();
  const image = `registry.example.com:5000/platform/team/storefront-frontend@sha256:${'a'.repeat(64)}`;
  const container = specOf(image, { resources: { memoryBytes: 64 * 2 ** 20, cpuMillis: 100 } });
  await cluster.append(requestOf('storefront-frontend', 600, container));
  await until('all of them placed', () => cluster.view.containers.size === 600);
});

scenario('a restart comes when it is due by a log whose time is ahead of this machine', async (cluster, logClock) => {
  await cluster.append(registration('worker-1'));
  cluster.lead();
  await cluster.append(requestOf('web', 1, specOf('a')));
  const latest = () => [...cluster.view.containers.values()].at(-1);
  const fail = async (nth: number) => {
    await until(`run ${nth}`, () => cluster.view.containers.size === nth);
    const { id, service, slot, node } = latest()!;
    const data = {
      container: id,
      service,
      slot,
      node,
      reason: 'exited' as const,
      message: '',
      exitCode: 1,
      logTail: [],
    };
    await cluster.append({ stream: streams.container(id), type: 'ContainerFailed', data, meta });
  };
  await fail(1);
  logClock.aheadMs = 1_800_000;
  await fail(2);
  logClock.aheadMs = 0;
  await until('the delay', () => cluster.view.delayed.size === 1);
  await until('the restart', () => cluster.view.containers.size === 3);
  assert.is(latest()?.state, 'in queue');
});

scenario('many large requests at once are planned in several passes, and none is left out', async (cluster) => {
  for (let number = 1; number <= 3; number += 1) await cluster.append(registration(`worker-${number}`));
  const services = 10;
  const replicas = 2_500;
  for (let number = 1; number <= services; number += 1) {
    await cluster.append(requestOf(`wide-${number}`, replicas, specOf('nginx')));
  }
  cluster.lead();
  await until('all are placed', () => cluster.view.queued.size === services * replicas, 60_000);
});

test('a round takes the services that were touched first, up to its bound, and one however large', () => {
  const view = emptyClusterView();
  for (const [name, replicas, live] of [
    ['a', 4_000, 0],
    ['b', 10, 5_000],
    ['c', 2_000, 0],
    ['huge', 90_000, 0],
  ] as const) {
    view.services.set(name, { name, replicas, live } as ServiceView);
  }
  const queue = createWorkQueue(view);
  queue.add({ services: new Set(['a', 'removed', 'b', 'c', 'huge']), nodes: new Set() });
  const takes = () => [...queue.take(10_000).services];
  assert.equal([takes(), takes(), takes(), takes()], [['a', 'removed', 'b'], ['c'], ['huge'], []]);
});

test.run();
