/** The hold on moving containers when most nodes fall silent together: what it keeps, what goes on, and how it ends. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { shownContainerRow } from '../../../../src/projections/rows/container-row.ts';
import { nodeRow } from '../../../../src/projections/rows/node-row.ts';
import { change, clusterOf, nodesOf, ofType, request, rowOf } from '../../../support/simulation/given-cluster.ts';
import type { SimulatedCluster, SimulationOptions } from '../../../support/simulation/simulated-cluster.ts';
import { specOf } from '../../../support/specs.ts';

const test = suite('plan: hold');

/** `web` with a container on each node, `silent` of the nodes cut off, the hold standing. */
function heldCluster(nodes: number, silent: readonly string[], options?: SimulationOptions): SimulatedCluster {
  const cluster = clusterOf(nodes, options);
  request(cluster, 'web', nodes, specOf('a'));
  cluster.advance(10_000);
  for (const id of silent) cluster.partition(id);
  cluster.advance(10_000);
  assert.is(cluster.view.alarms.size, 1);
  return cluster;
}

const lostNodes = (cluster: SimulatedCluster) =>
  [...cluster.view.nodes.values()].filter(({ state }) => state === 'lost').map(({ id }) => id);

test('nothing is moved and an alarm stands until enough of them are heard', () => {
  const silent = ['worker-1', 'worker-2', 'worker-3'];
  const cluster = heldCluster(5, silent);
  cluster.advance(60_000);
  assert.is(ofType(cluster, 'NodeLost').length, 0);
  assert.is(ofType(cluster, 'AlarmRaised').length, 1);
  assert.is(cluster.view.alarms.size, 1);
  for (const id of silent) cluster.bringBack(id);
  cluster.advance(5_000);
  assert.is(cluster.view.alarms.size, 0);
  assert.is(ofType(cluster, 'NodeLost').length, 0);
  assert.is(ofType(cluster, 'ContainerFailed').length, 0, 'nothing was touched');
  assert.match(ofType(cluster, 'HoldReleased')[0]!.data.reason, /^[345] of the 5 nodes/);
});

test('a fresh grace period ends no hold: a node has to be heard', () => {
  const cluster = heldCluster(3, ['worker-2', 'worker-3']);
  for (let second = 0; second < 20; second += 1) {
    cluster.grace();
    cluster.advance(1_000);
  }
  assert.is(ofType(cluster, 'HoldReleased').length, 0);
  assert.is(cluster.view.alarms.size, 1);
});

test('a service asked for meanwhile runs on the nodes that are heard', () => {
  const cluster = heldCluster(3, ['worker-2', 'worker-3']);
  request(cluster, 'new', 3, specOf('a'));
  cluster.advance(10_000);
  assert.equal(nodesOf(cluster, 'new'), ['worker-1', 'worker-1', 'worker-1']);
  const [placed] = ofType(cluster, 'ContainerQueued').slice(-1);
  assert.equal(placed!.data.filtered, [
    { filter: 'heard', reason: 'the node is silent', count: 2, nodes: ['worker-2', 'worker-3'] },
  ]);
});

test('a service without a place meanwhile gets one as soon as a node is heard again', () => {
  const cluster = heldCluster(4, ['worker-2', 'worker-3', 'worker-4']);
  const ports = [{ container: 80, host: 80, protocol: 'tcp' as const }];
  request(cluster, 'edge', 2, specOf('a', { ports }));
  cluster.advance(30_000);
  assert.equal(nodesOf(cluster, 'edge'), ['worker-1']);
  assert.match(rowOf(cluster, 'edge').reason ?? '', /the node is silent \(3 nodes\)/);
  assert.is(ofType(cluster, 'PlacementBlocked').length, 1);
  cluster.bringBack('worker-4');
  cluster.advance(10_000);
  assert.equal(nodesOf(cluster, 'edge'), ['worker-1', 'worker-4']);
});

test('a person who says that a node is gone has its containers replaced at once, and the others judged anew', () => {
  const cluster = heldCluster(3, ['worker-2', 'worker-3']);
  change(cluster, 'worker-2', 'lost');
  const [lost] = ofType(cluster, 'NodeLost');
  assert.is(lost!.meta.actor, 'person:test');
  assert.ok(lost!.data.silentMs >= 10_000, `${lost!.data.silentMs} ms`);
  cluster.advance(500);
  assert.is(cluster.view.alarms.size, 0, 'of two nodes one says nothing about us');
  assert.match(ofType(cluster, 'HoldReleased')[0]!.data.reason, /^1 of the 2 nodes/);
  cluster.advance(10_000);
  assert.equal(lostNodes(cluster), ['worker-2', 'worker-3']);
  assert.equal(nodesOf(cluster, 'web'), ['worker-1', 'worker-1', 'worker-1']);
});

test('while most of the others are silent the hold stands, but for what was said to be gone', () => {
  const cluster = heldCluster(7, ['worker-1', 'worker-2', 'worker-3', 'worker-4', 'worker-5']);
  change(cluster, 'worker-1', 'lost');
  cluster.advance(10_000);
  assert.equal(lostNodes(cluster), ['worker-1']);
  assert.is(cluster.view.alarms.size, 1);
  assert.is(ofType(cluster, 'ContainerFailed').length, 1);
  assert.ok(
    ofType(cluster, 'ContainerQueued').every(
      ({ data, at }) => at < ofType(cluster, 'NodeLost')[0]!.at || ['worker-6', 'worker-7'].includes(data.node),
    ),
  );
});

test('a node said to be gone that is not comes back with what it runs', () => {
  const cluster = heldCluster(3, ['worker-2', 'worker-3']);
  change(cluster, 'worker-2', 'lost');
  for (const id of ['worker-2', 'worker-3']) cluster.bringBack(id);
  cluster.advance(20_000);
  assert.equal(lostNodes(cluster), []);
  assert.is(nodesOf(cluster, 'web').length, 3);
});

test('meanwhile the silent nodes say so, nothing is known of their containers, and the service is degraded', () => {
  const cluster = heldCluster(3, ['worker-2', 'worker-3']);
  const { view } = cluster;
  assert.equal(
    ofType(cluster, 'NodeSilent').map(({ data }) => data.node),
    ['worker-2', 'worker-3'],
  );
  assert.match(nodeRow(view.nodes.get('worker-2')!).reason!, /^silent since .* rescheduling is paused/);
  assert.is(nodeRow(view.nodes.get('worker-1')!).reason, null);
  const { status, reason, running, unknown } = rowOf(cluster, 'web');
  assert.equal([status, running, unknown], ['degraded', 3, 2]);
  assert.is(
    reason,
    'nothing is known of 2 of 3 containers, on worker-2 and worker-3: not heard, and rescheduling is paused',
  );
  const unknownSince = [...view.containers.values()].map((container) => [
    container.node,
    shownContainerRow(view, container).unknownSince !== null,
  ]);
  assert.equal(Object.fromEntries(unknownSince), { 'worker-1': false, 'worker-2': true, 'worker-3': true });

  for (const id of ['worker-2', 'worker-3']) cluster.bringBack(id);
  cluster.advance(5_000);
  assert.is(ofType(cluster, 'NodeHeard').length, 2);
  assert.equal([rowOf(cluster, 'web').status, rowOf(cluster, 'web').unknown], ['converged', 0]);
  assert.is(ofType(cluster, 'NodeSilent').length, 2, 'each is said once');
});

test('after its bound the hold ends by itself: who is silent then is lost, and its containers are replaced', () => {
  const cluster = heldCluster(3, ['worker-2', 'worker-3'], { holdMs: 60_000 });
  cluster.advance(40_000);
  assert.equal(lostNodes(cluster), []);
  cluster.advance(20_000);
  assert.equal(lostNodes(cluster), ['worker-2', 'worker-3']);
  assert.is(ofType(cluster, 'HoldReleased')[0]!.data.reason, 'it was paused for 60 s');
  cluster.advance(10_000);
  assert.equal(nodesOf(cluster, 'web'), ['worker-1', 'worker-1', 'worker-1']);
  assert.is(cluster.view.alarms.size, 0);
});

test.run();
