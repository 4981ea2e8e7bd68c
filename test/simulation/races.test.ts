/**
 * Many processes append, each decides on a view that others have left behind. Whatever the order, what the log accepts
 * can be folded: every expectation covers what the fold requires.
 */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AppError } from '../../src/errors.ts';
import type { Expectation } from '../../src/events/log/event-log.ts';
import type { NewEvent } from '../../src/events/schema/event.ts';
import type { ClusterView } from '../../src/projections/view/cluster-view.ts';
import { type ApiRequest, decide } from '../../src/reconciler/commands/decide.ts';
import { decideReport } from '../../src/reconciler/commands/decide-report.ts';
import { plan } from '../../src/reconciler/planner/plan.ts';
import {
  assertReplayEqualsLive,
  createSimulatedCluster,
  nodeTimeoutMs,
  type SimulatedCluster,
} from '../support/simulation/simulated-cluster.ts';
import { specOf } from '../support/specs.ts';

const test = suite('races between appenders');
const clusterId = '00000000-0000-4000-8000-000000000000';
const services = ['api', 'db', 'web'];

type Decided = { events: NewEvent[]; expect: readonly Expectation[] };

/** Everything people could ask for now. */
function decideRequests(cluster: SimulatedCluster): Decided[] {
  const { view } = cluster;
  const requested = (service: string) => ({
    ...{ service, replicas: Math.floor(cluster.random() * 9), container: specOf(cluster.pick(['a', 'b'])) },
  });
  const requests: ApiRequest[] = [
    { kind: 'apply', specs: services.map(requested) },
    ...services.flatMap((service): ApiRequest[] => [
      { kind: 'apply', specs: [requested(service)] },
      { kind: 'patch', service, replicas: 1 },
      { kind: 'remove', service },
    ]),
    ...[...cluster.nodes.keys()].flatMap((node) =>
      (['cordon', 'drain', 'activate', 'lost', 'remove'] as const).map(
        (action): ApiRequest => ({ kind: 'node', node, action }),
      ),
    ),
  ];
  return requests.flatMap((request) => {
    try {
      return [decide(view, request, { actor: 'person:test', requestId: 'r' }, { nodeTimeoutMs })];
    } catch (error) {
      if (error instanceof AppError) return [];
      throw error;
    }
  });
}

/** Everything agents could tell now, true or not. */
function decideReports({ view, nodes }: SimulatedCluster): Decided[] {
  const engine = { kind: 'simulated', engineId: 'e', version: '1', memoryBytes: 2 ** 33, cpuMillis: 8_000 };
  const registration = { registrationId: clusterId, engine, hostname: '', agentVersion: '', labels: [], inventory: [] };
  const head = { clusterId, reportId: clusterId, at: '', causationId: null, session: 1 };
  const ofNodes = [...nodes.keys()].flatMap((node) => [
    { ...head, node, kind: 'register', ...registration, engine: { ...engine, engineId: node } },
    { ...head, node, kind: 'stale-removed', container: 'web.1-1', reason: 'not wanted' },
  ]);
  const ofContainers = [...view.containers.values()].flatMap(({ id, node }) =>
    ['starting', 'running', 'stopped', 'completed', 'failed'].map((kind) => ({
      ...{ ...head, node, kind, container: id, engineContainerId: '', startedAt: '', ports: [] },
      ...{ exitCode: 1, reason: 'exited', message: '', logTail: [] },
    })),
  );
  return [...ofNodes, ...ofContainers].flatMap((report) => {
    const decision = decideReport(view, report as unknown as Parameters<typeof decideReport>[1], clusterId);
    return typeof decision === 'string' ? [] : [{ events: [decision.event], expect: decision.expect }];
  });
}

/** What the leader would do now, with some nodes silent. */
function decideSteps({ view, random, nowMs }: SimulatedCluster): Decided[] {
  const silence = new Map([...view.nodes.keys()].map((node) => [node, random() < 0.3 ? 6_000 : 0]));
  const silentMs = (node: string) => silence.get(node) ?? null;
  const heartbeats = { timeoutMs: 5_000, silentMs, sinceHeartbeatMs: silentMs };
  const everything = { services: new Set(view.services.keys()), nodes: new Set(view.nodes.keys()) };
  const steps = plan({ view, work: everything, heartbeats, settings: { queueTimeoutMs: 60_000 }, nowMs: nowMs() });
  return steps.map(({ event, expect }) => {
    const { causationIndex: _, ...meta } = event.meta;
    return { events: [{ ...event, meta } as NewEvent], expect };
  });
}

function shuffle<T>(items: T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}

const isGone = (view: ClusterView) => ({ services: view.removedServices.size > 0, nodes: view.removedNodes.size > 0 });

const seeds = Number(process.env.CO_SIMULATION_SEEDS ?? 40);
const firstSeed = Number(process.env.CO_SIMULATION_SEED ?? 1);
const removed = { services: 0, nodes: 0 };

for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) {
  test(`what the log accepts can be folded, seed ${seed}`, () => {
    const cluster = createSimulatedCluster(seed, { hasInventedReports: true });
    for (let number = 1; number <= 5; number += 1) cluster.addNode(`worker-${number}`);
    cluster.advance(1_500);
    for (let round = 0; round < 12; round += 1) {
      if (cluster.random() < 0.5) cluster.crash(cluster.pick([...cluster.nodes.keys()]));
      if (cluster.random() < 0.4) cluster.bringBack(cluster.pick([...cluster.nodes.keys()]));
      const decided = [...decideRequests(cluster), ...decideReports(cluster), ...decideSteps(cluster)];
      for (const { events, expect } of shuffle(decided, cluster.random)) {
        if (cluster.random() < 0.4) cluster.write(events, expect);
      }
      const gone = isGone(cluster.view);
      removed.services += Number(gone.services);
      removed.nodes += Number(gone.nodes);
      cluster.advance(Math.floor(cluster.random() * 12_000));
    }
    assertReplayEqualsLive(cluster);
  });
}

test('the races were about services and nodes that go, too', () => {
  if (seeds < 10) return;
  assert.ok(removed.services > 0 && removed.nodes > 0, JSON.stringify(removed));
});

test.run();
