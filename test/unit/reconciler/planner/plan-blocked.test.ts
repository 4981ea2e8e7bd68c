/** Why a service has no place stays true while others take what it waits for, and is not said more often than it changes. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { change, clusterOf, ofType, request, rowOf } from '../../../support/simulation/given-cluster.ts';
import type { SimulatedCluster } from '../../../support/simulation/simulated-cluster.ts';
import { specOf } from '../../../support/specs.ts';

const test = suite('plan: blocked');
const gibibytes = (size: number) => specOf('a', { resources: { memoryBytes: size * 2 ** 30, cpuMillis: null } });
const onPort = (size: number) => ({
  ...gibibytes(size),
  ports: [{ container: 80, host: 80, protocol: 'tcp' as const }],
});

const reasonOf = (cluster: SimulatedCluster) => rowOf(cluster, 'waits').reason ?? '';
const saidOf = (cluster: SimulatedCluster) =>
  ofType(cluster, 'PlacementBlocked').filter(({ data }) => data.service === 'waits');

/** Two nodes of 8 GiB: one has 2 GiB left, the other is cordoned, and `waits` wants 4 GiB and port 80. */
function givenBlocked(): SimulatedCluster {
  const cluster = clusterOf(2);
  change(cluster, 'worker-2', 'cordon');
  request(cluster, 'holds', 1, gibibytes(6));
  cluster.advance(3_000);
  request(cluster, 'waits', 1, onPort(4));
  cluster.advance(3_000);
  assert.match(reasonOf(cluster), /the node is cordoned \(1 node\), less than 4294967296 bytes of memory are free/);
  return cluster;
}

test('what another service takes meanwhile is said', () => {
  const cluster = givenBlocked();
  request(cluster, 'takes', 1, onPort(1));
  cluster.advance(3_000);
  assert.is(rowOf(cluster, 'takes').status, 'converged');
  assert.match(reasonOf(cluster), /the node is cordoned \(1 node\), host port 80\/tcp is taken on the engine/);
  assert.is(saidOf(cluster).length, 2);
});

test('others that come and go without changing a reason are no news, nor is what holds nothing', () => {
  const cluster = givenBlocked();
  const { length } = saidOf(cluster);
  for (let replicas = 1; replicas <= 8; replicas += 1) {
    request(cluster, 'small', replicas % 3, specOf('a', { resources: { memoryBytes: 2 ** 20, cpuMillis: null } }));
    request(cluster, 'free', replicas, specOf('a'));
    cluster.advance(2_000);
  }
  assert.is(saidOf(cluster).length, length);
});

test('a reason that changes again and again is said once a change, however many containers were placed for it', () => {
  const cluster = givenBlocked();
  for (let round = 1; round <= 3; round += 1) {
    const { length } = saidOf(cluster);
    request(cluster, 'takes', 1, onPort(1));
    request(cluster, 'small', 12, specOf('a', { resources: { memoryBytes: 2 ** 20, cpuMillis: null } }));
    cluster.advance(3_000);
    request(cluster, 'takes', 0, onPort(1));
    request(cluster, 'small', 0, specOf('a', { resources: { memoryBytes: 2 ** 20, cpuMillis: null } }));
    cluster.advance(3_000);
    assert.is(saidOf(cluster).length - length, 2, `round ${round}`);
  }
});

test.run();
