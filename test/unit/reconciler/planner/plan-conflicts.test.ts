/** The alarm about a node id that two agents use. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { RegisterReport } from '../../../../src/bus/messages.ts';
import { decideReport } from '../../../../src/reconciler/commands/decide-report.ts';
import { nextDeadlineMs } from '../../../../src/reconciler/planner/plan.ts';
import { change, clusterOf, ofType } from '../../../support/simulation/given-cluster.ts';
import type { SimulatedCluster } from '../../../support/simulation/simulated-cluster.ts';

const test = suite('plan: claims');
const clusterId = '00000000-0000-4000-8000-000000000000';

let registrations = 0;

function register(cluster: SimulatedCluster, hostname: string, registrationId = `registration-${registrations}`): void {
  registrations += 1;
  const { engine } = cluster.view.nodes.get('worker-1')!;
  const report: RegisterReport = {
    ...{ kind: 'register', clusterId, node: 'worker-1', reportId: clusterId, at: '', registrationId, hostname },
    ...{ engine, agentVersion: '1', labels: [], inventory: [] },
  };
  const decision = decideReport(cluster.view, report, clusterId);
  assert.ok(typeof decision === 'object');
  cluster.append([decision.event], decision.expect);
}

const alarms = ({ view }: SimulatedCluster) => [...view.alarms.keys()];

test('two machines that take a node from each other are an alarm that names them, until they stop', () => {
  const cluster = clusterOf(1);
  for (const hostname of ['left', 'right', 'left', 'right']) {
    assert.equal(alarms(cluster), []);
    register(cluster, hostname);
    cluster.advance(2_000);
  }
  assert.equal(alarms(cluster), ['node claimed twice worker-1']);
  assert.match(ofType(cluster, 'AlarmRaised')[0]!.data.message, /by the agents of left and right/);
  register(cluster, 'left');
  cluster.advance(30_000);
  assert.is(ofType(cluster, 'AlarmRaised').length, 1, 'said once');
  assert.ok((nextDeadlineMs(cluster.view) ?? 0) > cluster.nowMs());
  cluster.advance(31_000);
  assert.equal(alarms(cluster), []);
  assert.is(nextDeadlineMs(cluster.view), null);
  const { position } = cluster.view;
  cluster.advance(60_000);
  assert.is(cluster.view.position, position);
});

test('a node that returns from being lost, or seldom, or tells of one registration again, is no quarrel', () => {
  const cluster = clusterOf(1);
  for (let time = 0; time < 6; time += 1) {
    register(cluster, 'left');
    cluster.advance(30_000);
  }
  for (let time = 0; time < 6; time += 1) register(cluster, 'left', 'the same');
  for (let time = 0; time < 6; time += 1) {
    cluster.partition('worker-1');
    cluster.advance(7_000);
    cluster.bringBack('worker-1');
    cluster.advance(2_000);
  }
  assert.ok(ofType(cluster, 'NodeLost').length >= 5);
  assert.equal(ofType(cluster, 'AlarmRaised'), []);
});

test('a refused agent is an alarm that names both, until it has stopped asking or has the node', () => {
  for (const isHolderLost of [false, true]) {
    const cluster = clusterOf(1);
    cluster.addTwin('twin', 'worker-1');
    cluster.advance(10_000);
    const [raised] = ofType(cluster, 'AlarmRaised');
    assert.equal(alarms(cluster), ['node claimed twice worker-1']);
    assert.match(
      raised!.data.message,
      /^worker-1 belongs to the agent on worker-1 \(process 1, since 2026-.*another on twin \(process 2,/,
    );
    cluster.crash(isHolderLost ? 'worker-1' : 'twin');
    cluster.advance(isHolderLost ? 20_000 : 370_000);
    assert.equal(alarms(cluster), []);
    assert.is(cluster.view.nodes.get('worker-1')!.hostname, isHolderLost ? 'twin' : 'worker-1');
  }
});

test('the alarm goes with the node', () => {
  const cluster = clusterOf(1);
  for (let time = 0; time < 4; time += 1) register(cluster, 'left');
  assert.is(alarms(cluster).length, 1);
  cluster.partition('worker-1');
  cluster.advance(8_000);
  change(cluster, 'worker-1', 'remove');
  cluster.advance(250);
  assert.equal(alarms(cluster), []);
});

test.run();
