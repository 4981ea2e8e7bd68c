/** How an update and a drain come to an end where there is no room beside the old, and what is said meanwhile. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { change, clusterOf, nodesOf, ofType, request, rowOf } from '../support/scene.ts';
import type { SimulatedCluster } from '../support/simulated-cluster.ts';
import { specOf } from '../support/specs.ts';

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

test('nor a drain', () => {
  const cluster = clusterOf(2);
  request(cluster, 'edge', 3, onPort('a'));
  cluster.advance(5_000);
  change(cluster, 'worker-1', 'drain');
  cluster.advance(10_000);
  assert.equal(nodesOf(cluster, 'edge'), ['worker-2']);
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

test('a recipe that does not start takes one of the full nodes at most out of service', () => {
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
