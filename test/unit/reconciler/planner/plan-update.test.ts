/** How an update and a drain come to an end where there is no room beside the old, and what is said meanwhile. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { describeStep } from '../../../../src/reconciler/planner/step.ts';
import {
  change,
  clusterOf,
  nodesOf,
  ofType,
  planOn,
  request,
  rowOf,
} from '../../../support/simulation/given-cluster.ts';
import type { SimulatedCluster } from '../../../support/simulation/simulated-cluster.ts';
import { specOf } from '../../../support/specs.ts';

const test = suite('plan: updates');
const onPort = (image: string) => specOf(image, { ports: [{ container: 80, host: 80, protocol: 'tcp' }] });
const gibibytes = (image: string, size: number) =>
  specOf(image, { resources: { memoryBytes: size * 2 ** 30, cpuMillis: null } });
const cpus = (image: string, count: number) =>
  specOf(image, { resources: { memoryBytes: null, cpuMillis: count * 1_000 } });

/** The fewest that ran at any time. */
function fewestRunning(cluster: SimulatedCluster, service: string, ms: number): number {
  let fewest = Number.POSITIVE_INFINITY;
  for (let passed = 0; passed < ms; passed += 50) {
    cluster.advance(50);
    fewest = Math.min(fewest, cluster.view.services.get(service)!.running);
  }
  return fewest;
}

/** What plan would do now, though nothing happened. */
function planned({ view, nowMs }: SimulatedCluster): string[] {
  const everything = { services: new Set(view.services.keys()), nodes: new Set(view.nodes.keys()) };
  return planOn(view, everything, nowMs()).map(describeStep);
}

test('replicas that never had room for their host port do not keep an update from the others', () => {
  const cluster = clusterOf(2);
  request(cluster, 'edge', 3, onPort('a'));
  cluster.advance(5_000);
  request(cluster, 'edge', 3, onPort('b'));
  assert.is(fewestRunning(cluster, 'edge', 30_000), 1, 'one at a time');
  assert.is(cluster.view.services.get('edge')!.runningCurrent, 2);
  assert.is(rowOf(cluster, 'edge').status, 'blocked');
  const { position } = cluster.view;
  cluster.advance(60_000);
  assert.is(cluster.view.position, position, 'then nothing moves');
});

test('a host port is drained to a node that has it free, and runs on where none has', () => {
  const cluster = clusterOf(2);
  request(cluster, 'edge', 2, onPort('a'));
  cluster.advance(5_000);
  change(cluster, 'worker-1', 'drain');
  assert.is(fewestRunning(cluster, 'edge', 10_000), 2);
  assert.is(rowOf(cluster, 'edge').status, 'blocked');
  cluster.addNode('worker-3');
  cluster.advance(10_000);
  assert.equal(nodesOf(cluster, 'edge'), ['worker-2', 'worker-3']);
  assert.is(rowOf(cluster, 'edge').status, 'converged');
});

test('a host port is updated old before new, never more at once than the surge', () => {
  const cluster = clusterOf(8);
  request(cluster, 'edge', 8, onPort('a'));
  cluster.advance(5_000);
  request(cluster, 'edge', 8, onPort('b'));
  assert.is(fewestRunning(cluster, 'edge', 60_000), 6);
  assert.is(cluster.view.services.get('edge')!.runningCurrent, 8);
  assert.is(ofType(cluster, 'PlacementBlocked').length, 0, 'what waits its turn is not blocked');
});

/** What runs, what is missing and how much of it is present, after updates that have no room for all or any. */
for (const { what, nodes, replicas, before, after, current, missing, reasons, others } of [
  {
    what: 'a host port another service holds on every node',
    nodes: 3,
    replicas: 8,
    before: specOf('a'),
    after: onPort('a'),
    others: 3,
    current: 0,
    missing: 8,
    reasons: ['host port'],
  },
  {
    what: 'a host port another service leaves free on one node',
    nodes: 3,
    replicas: 8,
    before: specOf('a'),
    after: onPort('a'),
    others: 2,
    current: 1,
    missing: 7,
    reasons: ['host port'],
  },
  {
    what: 'a host port that fewer nodes have than there are replicas',
    nodes: 3,
    replicas: 8,
    before: specOf('a'),
    after: onPort('a'),
    others: 0,
    current: 3,
    missing: 5,
    reasons: ['host port'],
  },
  {
    what: 'its own host port and more memory than a node has',
    nodes: 3,
    replicas: 3,
    before: onPort('a'),
    after: { ...onPort('a'), resources: gibibytes('a', 100).resources },
    others: 0,
    current: 0,
    missing: 3,
    reasons: ['memory'],
  },
  {
    what: 'memory that one of two on a node can have',
    nodes: 4,
    replicas: 8,
    before: gibibytes('a', 3),
    after: gibibytes('a', 5),
    others: 0,
    current: 4,
    missing: 4,
    reasons: ['memory'],
  },
]) {
  test(`an update to ${what} stops only what it has room for`, () => {
    const cluster = clusterOf(nodes);
    request(cluster, 'other', others, onPort('o'));
    cluster.advance(5_000);
    request(cluster, 'web', replicas, before);
    cluster.advance(10_000);
    request(cluster, 'web', replicas, after);
    const surge = Math.max(1, Math.floor(replicas / 4));
    assert.ok(fewestRunning(cluster, 'web', 120_000) >= replicas - (current > 0 ? surge : 0));
    const { running, runningCurrent, blocked } = cluster.view.services.get('web')!;
    assert.equal(
      { running, runningCurrent, missing: blocked?.missing },
      { running: replicas, runningCurrent: current, missing },
    );
    assert.equal(
      blocked?.filtered.map(({ filter }) => filter),
      reasons,
    );
    assert.equal(planned(cluster), [], 'planning again gives nothing');
    const { position } = cluster.view;
    cluster.advance(60_000);
    assert.is(cluster.view.position, position, 'then nothing moves');
    request(cluster, 'web', replicas, before);
    cluster.advance(60_000);
    assert.is(rowOf(cluster, 'web').status, 'converged', 'taken back');
  });
}

test('what a drain cannot move does not keep an update from the others', () => {
  const cluster = clusterOf(4);
  request(cluster, 'db', 8, gibibytes('a', 4));
  cluster.advance(10_000);
  change(cluster, 'worker-1', 'drain');
  cluster.advance(10_000);
  request(cluster, 'db', 8, gibibytes('b', 4));
  assert.is(fewestRunning(cluster, 'db', 60_000), 6);
  const { running, runningCurrent, blocked } = cluster.view.services.get('db')!;
  assert.equal([running, runningCurrent, blocked?.missing], [8, 6, 2]);
  assert.equal(planned(cluster), [], 'planning again gives nothing');
  change(cluster, 'worker-1', 'activate');
  cluster.advance(60_000);
  assert.is(rowOf(cluster, 'db').status, 'converged');
});

test('an image that does not start is tried on a quarter of the slots', () => {
  const cluster = clusterOf(3, { failingImage: 'broken' });
  request(cluster, 'web', 8, specOf('a'));
  cluster.advance(10_000);
  request(cluster, 'web', 8, specOf('broken'));
  cluster.advance(120_000);
  const tried = ofType(cluster, 'ContainerQueued').filter(({ data }) => data.image === specOf('broken').image);
  assert.is(new Set(tried.map(({ data }) => data.slot)).size, 2);
});

test('an image that does not start takes one host port at most out of service', () => {
  const cluster = clusterOf(3, { failingImage: 'broken' });
  request(cluster, 'edge', 4, onPort('a'));
  cluster.advance(5_000);
  request(cluster, 'edge', 4, onPort('broken'));
  assert.is(fewestRunning(cluster, 'edge', 120_000), 2);
});

for (const [what, specFor] of [
  ['memory', (image: string) => gibibytes(image, 5)],
  ['CPUs', (image: string) => cpus(image, 5)],
] as const) {
  test(`a service that fills its nodes with ${what} is updated one after the other, old before new`, () => {
    const cluster = clusterOf(4);
    request(cluster, 'big', 4, specFor('a'));
    cluster.advance(5_000);
    request(cluster, 'big', 4, specFor('b'));
    assert.is(fewestRunning(cluster, 'big', 30_000), 3);
    assert.is(cluster.view.services.get('big')!.runningCurrent, 4);
    assert.is(ofType(cluster, 'PlacementBlocked').length, 0, 'what waits its turn is not blocked');
  });
}

for (const [replicas, spread] of [
  [10, '2 2 2 2 2'],
  [12, '2 2 2 3 3'],
] as const) {
  test(`an update of ${replicas} replicas on five nodes leaves them spread as evenly as it found them`, () => {
    const cluster = clusterOf(5, { startErrorRate: 0 });
    const spreadOf = () => [...cluster.view.services.get('web')!.perNode.values()].toSorted().join(' ');
    for (const image of ['a', 'b', 'c', 'd']) {
      request(cluster, 'web', replicas, gibibytes(image, 0.1));
      cluster.advance(60_000);
      assert.is(cluster.view.services.get('web')!.runningCurrent, replicas);
      assert.is(spreadOf(), spread, image);
    }
  });
}

test('an update that has room beside the old stops nothing before its replacement runs', () => {
  const cluster = clusterOf(4);
  request(cluster, 'big', 3, gibibytes('a', 5));
  cluster.advance(5_000);
  request(cluster, 'big', 3, gibibytes('b', 5));
  assert.is(fewestRunning(cluster, 'big', 30_000), 3);
  assert.is(cluster.view.services.get('big')!.runningCurrent, 3);
});

test('an update no node has room for stops nothing, says so, and is over when it is taken back', () => {
  const cluster = clusterOf(2);
  request(cluster, 'big', 2, gibibytes('a', 5));
  cluster.advance(5_000);
  request(cluster, 'big', 2, gibibytes('a', 50));
  assert.is(fewestRunning(cluster, 'big', 60_000), 2);
  assert.is(rowOf(cluster, 'big').status, 'blocked');
  request(cluster, 'big', 2, gibibytes('a', 5));
  cluster.advance(5_000);
  assert.is(rowOf(cluster, 'big').status, 'converged');
});

test('a spec that does not start takes one of the full nodes at most out of service', () => {
  const cluster = clusterOf(4, { failingImage: 'broken' });
  request(cluster, 'big', 4, gibibytes('a', 5));
  cluster.advance(5_000);
  request(cluster, 'big', 4, gibibytes('broken', 5));
  assert.is(fewestRunning(cluster, 'big', 120_000), 3);
  request(cluster, 'big', 4, gibibytes('a', 5));
  cluster.advance(20_000);
  assert.is(cluster.view.services.get('big')!.runningCurrent, 4);
});

test('a drain without another node leaves its containers, and taken back it is no trouble any more', () => {
  const cluster = clusterOf(1);
  request(cluster, 'web', 1, specOf('a'));
  cluster.advance(5_000);
  change(cluster, 'worker-1', 'drain');
  cluster.advance(5_000);
  assert.is(rowOf(cluster, 'web').status, 'blocked');
  change(cluster, 'worker-1', 'activate');
  cluster.advance(5_000);
  assert.equal([rowOf(cluster, 'web').status, rowOf(cluster, 'web').running], ['converged', 1]);
  assert.is(ofType(cluster, 'PlacementBlocked').at(-1)!.data.missing, 0);
  assert.is(ofType(cluster, 'ContainerStopRequested').length, 0);
});

test.run();
