/** Where a service's placement lets its replicas run, on the simulated cluster: constraints, domains, bounds, packing, balance. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sentenceOf } from '../../../../src/history/sentences/event-sentences.ts';
import { type PlacementPolicy, parseConstraint, placementDefault } from '../../../../src/model/placement.ts';
import type { ServicePolicy } from '../../../../src/model/policy.ts';
import type { ContainerSpec } from '../../../../src/model/service.ts';
import { decide } from '../../../../src/reconciler/commands/decide.ts';
import { change, clusterOf, nodesOf, ofType, rowOf } from '../../../support/simulation/given-cluster.ts';
import {
  assertReplayEqualsLive,
  nodeTimeoutMs,
  type SimulatedCluster,
} from '../../../support/simulation/simulated-cluster.ts';
import { specOf } from '../../../support/specs.ts';

const test = suite('plan: placement');
const context = { actor: 'person:test', requestId: 'request' };
const quiet = { startErrorRate: 0 };

type Given = { policy?: Partial<ServicePolicy>; container?: ContainerSpec };

function apply(cluster: SimulatedCluster, replicas: number | null, { policy, container = specOf('a') }: Given): void {
  const spec = { service: 'web', replicas, container, ...policy };
  const { events, expect } = decide(cluster.view, { kind: 'apply', specs: [spec] }, context, { nodeTimeoutMs });
  assert.ok(cluster.append(events, expect));
  cluster.advance(20_000);
}

function label(cluster: SimulatedCluster, node: string, labels: Record<string, string | null>): void {
  const request = { kind: 'label node', node, labels } as const;
  const { events, expect } = decide(cluster.view, request, context, { nodeTimeoutMs });
  assert.ok(cluster.append(events, expect));
}

/** worker-1 … of zones a, b, a, b … */
function zonedCluster(nodes: number): SimulatedCluster {
  const cluster = clusterOf(nodes, quiet);
  for (let number = 1; number <= nodes; number += 1)
    label(cluster, `worker-${number}`, { zone: number % 2 ? 'a' : 'b' });
  return cluster;
}

const placement = (given: Partial<Omit<PlacementPolicy, 'constraints'>> & { constraints?: string[] }) => ({
  placement: { ...placementDefault, ...given, constraints: (given.constraints ?? []).map((c) => parseConstraint(c)!) },
});

const countPerNode = (cluster: SimulatedCluster): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const node of nodesOf(cluster, 'web')) counts[node] = (counts[node] ?? 0) + 1;
  return counts;
};

for (const [constraint, nodes] of [
  ['node.labels.zone == a', ['worker-1', 'worker-3']],
  ['node.labels.zone != a', ['worker-2', 'worker-4']],
  ['node.labels.rack != 1', ['worker-1', 'worker-2', 'worker-3', 'worker-4']],
  ['node.id == worker-2', ['worker-2']],
  ['node.hostname != worker-2', ['worker-1', 'worker-3', 'worker-4']],
  ['engine.kind == simulated', ['worker-1', 'worker-2', 'worker-3', 'worker-4']],
] as const) {
  test(`replicas run only where ${constraint}`, () => {
    const cluster = zonedCluster(4);
    apply(cluster, 8, { policy: placement({ constraints: [constraint] }) });
    assert.equal([...new Set(nodesOf(cluster, 'web'))], nodes);
    assert.is(rowOf(cluster, 'web').status, 'converged');
  });
}

test('where no node meets a constraint the service is blocked, and the reason names it', () => {
  const cluster = zonedCluster(3);
  apply(cluster, 2, { policy: placement({ constraints: ['node.labels.zone == c'] }) });
  assert.is(
    rowOf(cluster, 'web').reason,
    'no node for 2 of 2 replicas: it does not meet node.labels.zone == c (3 nodes)',
  );
  label(cluster, 'worker-3', { zone: 'c' });
  cluster.advance(10_000);
  assert.equal(nodesOf(cluster, 'web'), ['worker-3', 'worker-3']);
});

test('a node whose labels change loses what it may not have, each beside its successor', () => {
  const cluster = zonedCluster(4);
  apply(cluster, 4, { policy: placement({ constraints: ['node.labels.zone == a'] }) });
  let least = Number.POSITIVE_INFINITY;
  label(cluster, 'worker-3', { zone: 'b' });
  for (let step = 0; step < 300; step += 1) {
    cluster.advance(100);
    least = Math.min(least, rowOf(cluster, 'web').running);
  }
  assert.equal([countPerNode(cluster), least], [{ 'worker-1': 4 }, 4]);
  const stops = ofType(cluster, 'ContainerStopRequested');
  assert.equal(
    stops.map(({ data }) => data.reason),
    ['constraint not met', 'constraint not met'],
  );
  assert.match(sentenceOf(stops[0]!), /worker-3 does not meet the constraints of web/);
  const labelled = ofType(cluster, 'NodeLabelsSet').at(-1)!;
  assert.is(stops[0]!.meta.causationId, labelled.meta.eventId);
});

test('a constraint that is added moves what it rules out, and with no other node nothing is taken down', () => {
  const cluster = zonedCluster(4);
  apply(cluster, 4, {});
  apply(cluster, 4, { policy: placement({ constraints: ['node.labels.zone == b'] }) });
  cluster.advance(40_000);
  assert.equal(countPerNode(cluster), { 'worker-2': 2, 'worker-4': 2 });
  apply(cluster, 4, { policy: placement({ constraints: ['node.labels.zone == c'] }) });
  cluster.advance(60_000);
  assert.equal(countPerNode(cluster), { 'worker-2': 2, 'worker-4': 2 });
  assert.match(rowOf(cluster, 'web').reason!, /does not meet node.labels.zone == c/);
});

test('replicas are spread over the values of a label before they are over nodes', () => {
  const cluster = clusterOf(5, quiet);
  for (const node of ['worker-1', 'worker-2', 'worker-3', 'worker-4']) label(cluster, node, { zone: 'a' });
  label(cluster, 'worker-5', { zone: 'b' });
  apply(cluster, 6, { policy: placement({ spread: 'node.labels.zone' }) });
  const { 'worker-5': inB, ...inA } = countPerNode(cluster);
  assert.equal([inB, Object.values(inA)], [3, [1, 1, 1]]);
  const queued = ofType(cluster, 'ContainerQueued');
  assert.equal(
    queued
      .slice(0, 2)
      .map(({ data }) => data.candidates[0]!.domain)
      .toSorted(),
    ['a', 'b'],
  );
});

test('nodes without the label are one domain more', () => {
  const cluster = clusterOf(3, quiet);
  label(cluster, 'worker-1', { zone: 'a' });
  apply(cluster, 4, { policy: placement({ spread: 'node.labels.zone' }) });
  assert.equal(countPerNode(cluster), { 'worker-1': 2, 'worker-2': 1, 'worker-3': 1 });
});

test('no node has more than it may, and what has no place says why', () => {
  const cluster = clusterOf(3, quiet);
  apply(cluster, 8, { policy: placement({ maxPerNode: 2 }) });
  assert.equal(countPerNode(cluster), { 'worker-1': 2, 'worker-2': 2, 'worker-3': 2 });
  assert.is(
    rowOf(cluster, 'web').reason,
    'no node for 2 of 8 replicas: it has 2 of the service, as many as a node may (3 nodes)',
  );
  apply(cluster, 6, { policy: placement({ maxPerNode: 2 }), container: specOf('b') });
  cluster.advance(60_000);
  assert.equal(
    [countPerNode(cluster), rowOf(cluster, 'web').status],
    [{ 'worker-1': 2, 'worker-2': 2, 'worker-3': 2 }, 'converged'],
  );
});

test('packing fills one node after the other, by what is reserved', () => {
  const cluster = clusterOf(3, quiet);
  const container = specOf('a', { resources: { memoryBytes: 2 * 2 ** 30, cpuMillis: null } });
  apply(cluster, 6, { policy: placement({ strategy: 'binpack' }), container });
  assert.equal(Object.values(countPerNode(cluster)).toSorted(), [2, 4]);
  const [, second] = ofType(cluster, 'ContainerQueued');
  assert.is(second!.data.candidates[0]!.usedPercent, 25);
});

const balance = { rebalance: { maxMoves: 1, cooldownSeconds: 5 } };

/** Eight replicas on worker-1 and worker-2, worker-3 empty and back. */
function lopsided(policy: Partial<ServicePolicy>): SimulatedCluster {
  const cluster = clusterOf(3, quiet);
  change(cluster, 'worker-3', 'drain');
  apply(cluster, 8, { policy });
  assert.equal(countPerNode(cluster), { 'worker-1': 4, 'worker-2': 4 });
  change(cluster, 'worker-3', 'activate');
  return cluster;
}

test('a node that is back gets replicas of a service that is kept balanced, one by one, and none goes missing', () => {
  const cluster = lopsided(balance);
  let [least, most] = [8, 0];
  for (let step = 0; step < 1_200; step += 1) {
    cluster.advance(100);
    const { running } = rowOf(cluster, 'web');
    [least, most] = [Math.min(least, running), Math.max(most, running)];
  }
  assert.equal(countPerNode(cluster), { 'worker-1': 3, 'worker-2': 3, 'worker-3': 2 });
  assert.equal([least, most], [8, 9], 'one at a time, and each beside its successor');
  const moves = ofType(cluster, 'RebalanceRequested');
  assert.is(moves.length, 2);
  assert.equal(
    ofType(cluster, 'ServiceBalanced').map(({ data }) => data.moves),
    [2],
  );
  assert.equal(
    ofType(cluster, 'ContainerStopRequested')
      .slice(-2)
      .map(({ data }) => data.reason),
    ['rebalanced', 'rebalanced'],
  );
  assert.match(sentenceOf(moves[0]!), /was to move from worker-[12], which had 4 of it, to worker-3, which had 0/);
  assert.is(rowOf(cluster, 'web').status, 'converged');
  const { position } = cluster.view;
  cluster.advance(120_000);
  assert.is(cluster.view.position, position, 'nothing moves any more');
  assertReplayEqualsLive(cluster);
});

test('one that says nothing is left as it is', () => {
  const cluster = lopsided({});
  cluster.advance(120_000);
  assert.equal(countPerNode(cluster), { 'worker-1': 4, 'worker-2': 4 });
});

test('it says nothing, and the cluster keeps services balanced', () => {
  const cluster = clusterOf(3, { ...quiet, rebalance: { maxMoves: 3, cooldownSeconds: 5 } });
  change(cluster, 'worker-3', 'drain');
  apply(cluster, 8, {});
  change(cluster, 'worker-3', 'activate');
  cluster.advance(60_000);
  assert.equal(countPerNode(cluster), { 'worker-1': 3, 'worker-2': 3, 'worker-3': 2 });
});

test('domains are balanced before nodes', () => {
  const cluster = clusterOf(4, quiet);
  for (const [node, zone] of [
    ['worker-1', 'a'],
    ['worker-2', 'a'],
    ['worker-3', 'a'],
    ['worker-4', 'b'],
  ] as const)
    label(cluster, node, { zone });
  change(cluster, 'worker-4', 'drain');
  apply(cluster, 6, { policy: { ...placement({ spread: 'node.labels.zone' }), ...balance } });
  change(cluster, 'worker-4', 'activate');
  cluster.advance(120_000);
  assert.equal(countPerNode(cluster), { 'worker-1': 1, 'worker-2': 1, 'worker-3': 1, 'worker-4': 3 });
});

test('a global service is on the nodes that meet its constraints, as labels change', () => {
  const cluster = zonedCluster(4);
  apply(cluster, null, { policy: { mode: 'global', ...placement({ constraints: ['node.labels.zone == a'] }) } });
  assert.equal([nodesOf(cluster, 'web'), rowOf(cluster, 'web').status], [['worker-1', 'worker-3'], 'converged']);
  label(cluster, 'worker-2', { zone: 'a' });
  label(cluster, 'worker-3', { zone: 'b' });
  cluster.advance(20_000);
  assert.equal([nodesOf(cluster, 'web'), rowOf(cluster, 'web').status], [['worker-1', 'worker-2'], 'converged']);
});

test('labels that were set win over those of the agent, and last over its return', () => {
  const cluster = zonedCluster(2);
  label(cluster, 'worker-1', { zone: null, rack: '7' });
  cluster.restartAgent('worker-1');
  cluster.advance(5_000);
  assert.equal(cluster.view.nodes.get('worker-1')!.labels, [{ name: 'rack', value: '7' }]);
});

test.run();
