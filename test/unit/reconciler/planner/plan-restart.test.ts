/** Where and when the next run of a slot begins, by how the last one ended. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { change, clusterOf, nodesOf, ofType, request, rowOf } from '../../../support/simulation/given-cluster.ts';
import type { SimulatedCluster } from '../../../support/simulation/simulated-cluster.ts';
import { specOf } from '../../../support/specs.ts';

const test = suite('plan: restarts');

function fail(cluster: SimulatedCluster, times: number): void {
  for (let time = 0; time < times; time += 1) {
    const running = [...cluster.view.containers.values()].find(({ state }) => state === 'running')!;
    cluster.killContainer(running.node, running.id);
    cluster.advance(20_000);
  }
}

test('a run lost with its node is replaced at once, though others of the slot failed before it', () => {
  const cluster = clusterOf(4);
  request(cluster, 'web', 1, specOf('a'));
  cluster.advance(5_000);
  fail(cluster, 4);
  assert.ok(ofType(cluster, 'RestartDelayed').length >= 2);
  const [node] = nodesOf(cluster, 'web');
  cluster.crash(node!);
  cluster.advance(7_500);
  const [lost] = ofType(cluster, 'NodeLost');
  const next = ofType(cluster, 'ContainerQueued').find(({ position }) => position > lost!.position);
  assert.is(next?.at, lost?.at);
  cluster.advance(10_000);
  fail(cluster, 1);
  const { failures } = ofType(cluster, 'RestartDelayed').at(-1)!.data;
  assert.ok(failures > 4, 'what failed before it is not forgotten');
});

test('a slot that waited in vain for a node asks another, and says why', () => {
  const cluster = clusterOf(3);
  request(cluster, 'web', 3, specOf('a'));
  cluster.advance(5_000);
  for (const id of ['worker-1', 'worker-2']) {
    const node = cluster.nodes.get(id)!;
    node.isUnresponsive = true;
    for (const container of node.running.keys()) cluster.killContainer(id, container);
  }
  cluster.advance(300_000);
  assert.equal(nodesOf(cluster, 'web'), ['worker-3', 'worker-3', 'worker-3']);
  const placed = ofType(cluster, 'ContainerQueued').at(-1)!.data;
  assert.is(placed.node, 'worker-3');
  const [why] = placed.filtered.filter(({ filter }) => filter === 'queue timeout');
  assert.equal(why!.nodes.toSorted(), ['worker-1', 'worker-2']);
});

test('a node that did not take a container is asked again when it is the only one', () => {
  const cluster = clusterOf(1);
  cluster.nodes.get('worker-1')!.isUnresponsive = true;
  request(cluster, 'web', 1, specOf('a'));
  cluster.advance(70_000);
  assert.is(ofType(cluster, 'ContainerQueued').length, 2);
  cluster.nodes.get('worker-1')!.isUnresponsive = false;
  cluster.advance(70_000);
  assert.equal(nodesOf(cluster, 'web'), ['worker-1']);
});

test('a node that cannot start what others start is tried little, raises an alarm, and is used again after it started something', () => {
  const cluster = clusterOf(4);
  for (const id of ['worker-1', 'worker-2']) cluster.nodes.get(id)!.isBroken = true;
  request(cluster, 'web', 8, specOf('a'));
  cluster.advance(30_000);
  assert.equal(nodesOf(cluster, 'web'), [...new Array(4).fill('worker-3'), ...new Array(4).fill('worker-4')]);
  const failures = ofType(cluster, 'ContainerFailed').length;
  assert.ok(failures <= 8, `${failures} attempts were in vain`);
  assert.equal([...cluster.view.alarms.values()].map(({ alarm, subject }) => [alarm, subject]).toSorted(), [
    ['node starts nothing', 'worker-1'],
    ['node starts nothing', 'worker-2'],
  ]);
  const [why] = ofType(cluster, 'ContainerQueued')
    .flatMap(({ data }) => data.filtered)
    .filter(({ filter }) => filter === 'start error');
  assert.match(why!.reason, /could not be started there/);

  for (const id of ['worker-1', 'worker-2']) cluster.nodes.get(id)!.isBroken = false;
  for (const id of ['worker-3', 'worker-4']) change(cluster, id, 'drain');
  cluster.advance(60_000);
  assert.equal([...new Set(nodesOf(cluster, 'web'))], ['worker-1', 'worker-2']);
  assert.is(cluster.view.alarms.size, 0);
});

test('a slot that dies now and then is unstable, also while it runs, and stable again ten minutes after its last failure', () => {
  const cluster = clusterOf(1, { startErrorRate: 0 });
  request(cluster, 'web', 1, specOf('a'));
  cluster.advance(100_000);
  for (let time = 0; time < 3; time += 1) {
    const [running] = [...cluster.view.containers.values()].filter(({ state }) => state === 'running');
    cluster.killContainer(running!.node, running!.id);
    cluster.advance(90_000);
  }
  const { status, reason, running } = rowOf(cluster, 'web');
  assert.equal([status, running], ['degraded', 1]);
  assert.match(reason!, /^it runs, but web\.1 failed 3 times within 10 min: exited: as the test asked$/);
  assert.is(ofType(cluster, 'ServiceUnstable').length, 1);
  cluster.advance(620_000);
  assert.is(rowOf(cluster, 'web').status, 'converged');
  assert.is(ofType(cluster, 'ServiceStable').length, 1);
});

test.run();
