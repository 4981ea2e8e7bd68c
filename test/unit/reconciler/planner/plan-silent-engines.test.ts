/** A node that is heard and whose engine is not: nothing is placed there, and its containers are replaced after a while. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sentenceOf } from '../../../../src/history/sentences/event-sentences.ts';
import { nodeRow } from '../../../../src/projections/rows/node-row.ts';
import { clusterOf, nodesOf, ofType, request, rowOf } from '../../../support/simulation/given-cluster.ts';
import type { SimulatedCluster } from '../../../support/simulation/simulated-cluster.ts';
import { specOf } from '../../../support/specs.ts';

const test = suite('plan: silent engines');

/** `web` with a container on each of three nodes, the engine of worker-3 hung and known to be. */
function hungCluster(): SimulatedCluster {
  const cluster = clusterOf(3, { startErrorRate: 0 });
  request(cluster, 'web', 3, specOf('a'));
  cluster.advance(10_000);
  cluster.hangEngine('worker-3');
  cluster.advance(5_000);
  assert.is(ofType(cluster, 'EngineLost').length, 1);
  return cluster;
}

test('it is said at once, nothing is placed there, and what runs there is left alone', () => {
  const cluster = hungCluster();
  const { status, reason, unknown } = rowOf(cluster, 'web');
  assert.equal([status, unknown], ['degraded', 1]);
  assert.is(reason, 'nothing is known of 1 of 3 containers, on worker-3: without an engine that answers');
  assert.match(nodeRow(cluster.view.nodes.get('worker-3')!).reason!, /^its engine has not answered since .*: hung;/);
  request(cluster, 'new', 4, specOf('a'));
  cluster.advance(5_000);
  assert.equal(nodesOf(cluster, 'new'), ['worker-1', 'worker-1', 'worker-2', 'worker-2']);
  const [placed] = ofType(cluster, 'ContainerQueued').slice(-1);
  assert.equal(placed!.data.filtered, [
    { filter: 'engine', reason: 'the engine does not answer', count: 1, nodes: ['worker-3'] },
  ]);
  assert.equal(ofType(cluster, 'ContainerFailed'), []);
});

test('one that answers in time has lost nothing', () => {
  const cluster = hungCluster();
  cluster.advance(10_000);
  cluster.wakeEngine('worker-3');
  cluster.advance(30_000);
  assert.is(ofType(cluster, 'EngineReturned').length, 1);
  assert.equal([ofType(cluster, 'NodeLost'), ofType(cluster, 'ContainerFailed')], [[], []]);
  assert.is(rowOf(cluster, 'web').status, 'converged');
});

test('one that stays silent loses its node, for that reason, and returns with what it runs removed', () => {
  const cluster = hungCluster();
  cluster.advance(30_000);
  const [lost] = ofType(cluster, 'NodeLost');
  assert.equal([lost!.data.node, lost!.data.reason], ['worker-3', 'engine silent']);
  assert.match(sentenceOf(lost!), /its agent was heard, its engine did not answer/);
  assert.is(ofType(cluster, 'ContainerFailed')[0]!.data.message, 'the engine of worker-3 does not answer any more');
  assert.is(nodeRow(cluster.view.nodes.get('worker-3')!).reason, 'lost: its engine did not answer');
  assert.is(nodesOf(cluster, 'web').length, 3);
  cluster.wakeEngine('worker-3');
  cluster.advance(10_000);
  assert.is(ofType(cluster, 'NodeReturned').length, 1);
  assert.is(ofType(cluster, 'StaleContainerRemoved').length, 1);
  assert.equal([rowOf(cluster, 'web').status, cluster.view.unreachable.size], ['converged', 0]);
});

test('engines that vanish together are held like nodes', () => {
  const cluster = clusterOf(3, { startErrorRate: 0 });
  request(cluster, 'web', 3, specOf('a'));
  cluster.advance(10_000);
  for (const id of ['worker-1', 'worker-2', 'worker-3']) cluster.hangEngine(id);
  cluster.advance(60_000);
  assert.equal([ofType(cluster, 'NodeLost'), cluster.view.alarms.size], [[], 1]);
  for (const id of ['worker-1', 'worker-2', 'worker-3']) cluster.wakeEngine(id);
  cluster.advance(10_000);
  assert.equal([ofType(cluster, 'ContainerFailed'), cluster.view.alarms.size], [[], 0]);
});

test.run();
