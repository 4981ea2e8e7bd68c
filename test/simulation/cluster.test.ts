/** Faults at random, on virtual time, from a printed seed: afterwards everything converges and nothing moves. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AppError } from '../../src/errors.ts';
import { streams } from '../../src/events/schema/event.ts';
import { jobPolicyDefault } from '../../src/model/job.ts';
import { missedRules, overlapRules } from '../../src/model/schedule.ts';
import type { ServiceView } from '../../src/projections/view/cluster-view.ts';
import { replicasWanted } from '../../src/projections/view/replicas-wanted.ts';
import { decide } from '../../src/reconciler/commands/decide.ts';
import { rejectionOf } from '../../src/reconciler/planner/placement-filters.ts';
import { assertBranchesFold } from '../support/simulation/branch-rules.ts';
import { rowOf } from '../support/simulation/given-cluster.ts';
import { assertJobs } from '../support/simulation/job-rules.ts';
import { assertRowsFollow } from '../support/simulation/row-rules.ts';
import {
  assertReplayEqualsLive,
  countWanted,
  createSimulatedCluster,
  nodeTimeoutMs,
  type SimulatedCluster,
  type SimulationOptions,
} from '../support/simulation/simulated-cluster.ts';
import { assertStatesFollow } from '../support/simulation/state-rules.ts';
import { specOf } from '../support/specs.ts';

const test = suite('simulated cluster');
const context = { actor: 'person:test', requestId: 'request' };
const meta = { actor: 'person:test', causationId: null };

/**
 * One service has a host port, one fills nodes with memory, one wants nothing. All their replicas have room when every
 * node is there.
 */
const kinds = {
  api: { replicasMax: 5, members: { ports: [{ container: 80, host: 80, protocol: 'tcp' as const }] } },
  db: { replicasMax: 5, members: { resources: { memoryBytes: 4 * 2 ** 30, cpuMillis: null } } },
  web: { replicasMax: 12, members: {} },
};
const services = ['api', 'db', 'web'] as const;
type Service = (typeof services)[number];

function request(cluster: SimulatedCluster, service: Service): void {
  const { replicasMax, members } = kinds[service];
  const container = specOf(cluster.pick(['a', 'b', 'c']), members);
  const replicas = Math.floor(cluster.random() * (replicasMax + 1));
  const { events, expect } = decide(
    cluster.view,
    {
      kind: 'apply',
      specs: [{ service, replicas, container, ...cluster.pick([{}, { onDisconnect: 'keep' as const }]) }],
    },
    context,
    { nodeTimeoutMs },
  );
  cluster.append(events, expect);
}

/** One on each node; it may want more memory than the others leave. */
function requestGlobal(cluster: SimulatedCluster): void {
  const resources = { memoryBytes: cluster.pick([null, 2 ** 30]), cpuMillis: null };
  const container = specOf(cluster.pick(['a', 'b']), { resources });
  const spec = { service: 'proxy', replicas: null, container, mode: 'global' } as const;
  const { events, expect } = decide(cluster.view, { kind: 'apply', specs: [spec] }, context, { nodeTimeoutMs });
  cluster.append(events, expect);
}

/** Some of its runs fail, some are replaced by the next. */
function requestJob(cluster: SimulatedCluster): void {
  const completions = 1 + Math.floor(cluster.random() * 4);
  const parallelism = 1 + Math.floor(cluster.random() * 3);
  const job = { ...jobPolicyDefault, completions, parallelism, timeoutSeconds: cluster.pick([null, 20, 60]) };
  const container = specOf(cluster.pick(['ends', 'ends', 'fails']));
  const spec = { service: 'batch', replicas: null, container, mode: 'job', job } as const;
  const { events, expect } = decide(cluster.view, { kind: 'apply', specs: [spec] }, context, { nodeTimeoutMs });
  cluster.append(events, expect);
}

/** Every quarter of a minute, by any rule; its runs take half as long or twice as long. */
function requestSchedule(cluster: SimulatedCluster): void {
  const schedule = {
    ...{ cron: '*/15 * * * * *', timeZone: 'UTC' },
    ...{ missed: cluster.pick(missedRules), overlap: cluster.pick(overlapRules) },
  };
  const container = specOf(cluster.pick(['short', 'long']));
  const spec = { service: 'cron', replicas: null, container, mode: 'job', job: jobPolicyDefault, schedule } as const;
  const { events, expect } = decide(cluster.view, { kind: 'apply', specs: [spec] }, context, { nodeTimeoutMs });
  cluster.append(events, expect);
}

const ends: SimulationOptions['ends'] = ({ service, slot, image }) =>
  service === 'batch'
    ? { afterMs: 1_000 * slot, exitCode: image === 'fails' && slot % 2 === 0 ? 1 : 0 }
    : service === 'cron'
      ? { afterMs: image === 'long' ? 30_000 : 7_500, exitCode: 0 }
      : null;

function remove(cluster: SimulatedCluster, service: string): void {
  const known = cluster.view.services.get(service);
  if (!known || known.removing) return;
  const data = { service, generation: known.generation + 1 };
  cluster.append([{ stream: streams.service(service), type: 'ServiceRemovalRequested', data, meta }]);
}

function setAvailability(
  cluster: SimulatedCluster,
  node: string,
  type: 'NodeCordoned' | 'NodeDrainRequested' | 'NodeActivated',
) {
  if (cluster.view.nodes.has(node)) cluster.append([{ stream: streams.node(node), type, data: { node }, meta }]);
}

/** Refused while it is heard, or not known yet. */
function declareLost(cluster: SimulatedCluster, node: string): void {
  try {
    const { events, expect } = decide(cluster.view, { kind: 'node', node, action: 'lost' }, context, { nodeTimeoutMs });
    cluster.append(events, expect);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
  }
}

/** Broker or log are away, or one manager says so; and containers die meanwhile. */
function outage(cluster: SimulatedCluster, node: string): void {
  const { loseBroker, loseLog } = cluster;
  const noticeAlone = (_: number, meanwhile: () => void) => {
    cluster.noticeAlone(node);
    meanwhile();
  };
  for (let death = 0; death < 3; death += 1) {
    const away = cluster.pick([loseBroker, loseLog, loseLog, noticeAlone]);
    away(Math.floor(cluster.random() * 8_000), () => killOne(cluster, cluster.pick([...cluster.nodes.keys()])));
  }
}

function killOne(cluster: SimulatedCluster, node: string): void {
  const container = cluster.pick([...(cluster.nodes.get(node)?.running.keys() ?? [])]);
  if (container) cluster.killContainer(node, container);
}

function doSomething(cluster: SimulatedCluster): void {
  const node = cluster.pick([...cluster.nodes.keys()]);
  const service = cluster.pick(services);
  const draw = cluster.random();
  if (draw < 0.13) request(cluster, service);
  else if (draw < 0.15) requestGlobal(cluster);
  else if (draw < 0.18) requestJob(cluster);
  else if (draw < 0.2) requestSchedule(cluster);
  else if (draw < 0.25) remove(cluster, cluster.pick([service, 'batch', 'cron', 'proxy']));
  else if (draw < 0.38) cluster.crash(node);
  else if (draw < 0.4) cluster.nodes.get(node)!.isUnresponsive = true;
  else if (draw < 0.5) cluster.partition(node);
  else if (draw < 0.73) cluster.bringBack(node);
  else if (draw < 0.76) outage(cluster, node);
  else if (draw < 0.78) cluster.pause(Math.floor(cluster.random() * 60_000));
  else if (draw < 0.8) declareLost(cluster, node);
  else if (draw < 0.87) {
    const container = cluster.pick([...(cluster.nodes.get(node)?.running.keys() ?? [''])]);
    if (container) cluster.killContainer(node, container);
  } else if (draw < 0.9) cluster.hangEngine(node);
  else if (draw < 0.92) cluster.wakeEngine(node);
  else setAvailability(cluster, node, cluster.pick(['NodeCordoned', 'NodeDrainRequested', 'NodeActivated'] as const));
}

/** As a person does who has mended what failed. */
function resumeRollouts(cluster: SimulatedCluster): void {
  for (const { name, rollout } of cluster.view.services.values()) {
    if (rollout?.state !== 'paused') continue;
    const request = { kind: 'rollout', service: name, action: 'resume' } as const;
    const { events, expect } = decide(cluster.view, request, context, { nodeTimeoutMs });
    assert.ok(cluster.append(events, expect));
  }
}

function calmDown(cluster: SimulatedCluster): void {
  remove(cluster, 'cron');
  for (const node of cluster.nodes.keys()) {
    cluster.bringBack(node);
    cluster.wakeEngine(node);
  }
  for (const node of cluster.nodes.values()) node.isUnresponsive = false;
  cluster.advance(3_000);
  for (const node of cluster.nodes.keys()) setAvailability(cluster, node, 'NodeActivated');
  for (let round = 0; round < 3; round += 1) {
    resumeRollouts(cluster);
    cluster.advance(60_000);
  }
}

/** On every node that has room, and on no node twice. */
function assertGlobal({ view }: SimulatedCluster, service: ServiceView, because: string): void {
  for (const node of view.nodes.values()) {
    const engine = view.engines.get(node.engine.engineId)!;
    const rejection = rejectionOf({ node, engine, reserved: [], isSilent: false }, service.spec);
    const count = service.perNode.get(node.id) ?? 0;
    assert.ok(
      count === 1 || (count === 0 && rejection !== null),
      `${count} of ${service.name} on ${node.id}, ${because}`,
    );
  }
  // An update waits for room, and the spec before runs on.
  if (service.rollout?.state !== 'completed' && service.rollout !== null && service.blocked) return;
  assert.is(service.running, replicasWanted(service), because);
  assert.is(service.running, service.runningCurrent, because);
}

function assertConverged(cluster: SimulatedCluster, seed: number): void {
  const { view } = cluster;
  const because = `seed ${seed}\n${cluster.tail()}`;
  for (const service of view.services.values()) {
    assert.is(service.removing, false, `${service.name} is still being removed, ${because}`);
    if (service.job) assert.ok(['completed', 'degraded'].includes(rowOf(cluster, service.name).status), because);
    if (service.job) continue;
    if (service.nodeOfSlot) {
      assertGlobal(cluster, service, because);
      continue;
    }
    assert.is(service.runningCurrent, service.replicas, `${service.name}, ${because}`);
    assert.is(countWanted(view).get(service.name) ?? 0, service.replicas, `${service.name}, ${because}`);
  }
  const logged = [...view.containers.values()].filter(({ state }) => state === 'running').map(({ id }) => id);
  const really = [...cluster.nodes.values()].flatMap(({ running }) => [...running.keys()]);
  assertJobs(cluster, because);
  assert.equal(really.toSorted(), logged.toSorted(), `what runs is what the log says, ${because}`);
}

const seeds = Number(process.env.CO_SIMULATION_SEEDS ?? 40);
const firstSeed = Number(process.env.CO_SIMULATION_SEED ?? 1);

for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) {
  test(`converges after faults, seed ${seed}`, () => {
    // Half of them keep their services balanced.
    const balance = seed % 2 === 0 ? { rebalance: { maxMoves: 2, cooldownSeconds: 3 } } : {};
    const cluster = createSimulatedCluster(seed, { ends, ...balance });
    for (let number = 1; number <= 5; number += 1) cluster.addNode(`worker-${number}`);
    cluster.advance(1_500);
    for (let action = 0; action < 60; action += 1) {
      doSomething(cluster);
      cluster.advance(Math.floor(cluster.random() * 4_000));
    }
    calmDown(cluster);
    assertConverged(cluster, seed);
    const position = cluster.view.position;
    cluster.advance(30_000);
    assert.is(cluster.view.position, position, `nothing moves any more, seed ${seed}\n${cluster.tail()}`);
    assertReplayEqualsLive(cluster);
    assertRowsFollow(cluster, `seed ${seed}`);
    assertStatesFollow(cluster.events, `seed ${seed}`);
    assertBranchesFold(cluster.events, [cluster.random()], `seed ${seed}`);
  });
}

test.run();
