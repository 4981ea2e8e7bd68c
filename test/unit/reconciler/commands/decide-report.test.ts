/** Which fact a report becomes: given a history, when a node reports, then this event under these expectations. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { RegisterReport, ReportOf } from '../../../../src/bus/messages.ts';
import { emptyClusterView } from '../../../../src/projections/view/cluster-view.ts';
import { evolve } from '../../../../src/projections/view/evolve.ts';
import { decideReport } from '../../../../src/reconciler/commands/decide-report.ts';
import { clusterId, createHistory, type History, timeOf } from '../../../support/log/history.ts';

const test = suite('decide: reports');

const head = { clusterId, node: 'worker-1', reportId: clusterId, at: timeOf(0) };
const staleRemoved: ReportOf<'stale-removed'> = {
  ...{ kind: 'stale-removed', ...head, session: 1, container: 'web.1-a', causationId: null, reason: 'not wanted' },
};
const registers: RegisterReport = {
  ...{ kind: 'register', ...head, registrationId: clusterId, hostname: 'worker-1', agentVersion: '1', labels: [] },
  ...{ engine: { kind: 'simulated', engineId: 'e', version: '1', memoryBytes: 1, cpuMillis: 1 }, inventory: [] },
};

function viewOf(history: History) {
  const view = emptyClusterView();
  for (const event of history.events) evolve(view, event);
  return view;
}

function givenRemovedNode(): History {
  const history = createHistory();
  history.node('worker-1');
  history.add('NodeLost', { node: 'worker-1', session: 1, lastHeardAt: null, silentMs: 6_000 });
  history.add('NodeRemoved', { node: 'worker-1' });
  return history;
}

test('the removal of a stale container is recorded, however many are reported at the same time', () => {
  const history = createHistory();
  history.node('worker-1');
  const decision = decideReport(viewOf(history), staleRemoved, clusterId);
  assert.ok(typeof decision === 'object');
  assert.is(decision.event.type, 'StaleContainerRemoved');
  assert.equal(decision.expect, []);
});

test('the removal of a stale container is ignored once its node was removed', () => {
  assert.is(decideReport(viewOf(givenRemovedNode()), staleRemoved, clusterId), 'stale');
  assert.is(decideReport(emptyClusterView(), staleRemoved, clusterId), 'stale');
});

test('a registration expects that no other of its node came first, also after a removal', () => {
  for (const [history, version] of [
    [createHistory(), 0],
    [givenRemovedNode(), 3],
  ] as const) {
    const decision = decideReport(viewOf(history), registers, clusterId);
    assert.ok(typeof decision === 'object');
    assert.is(decision.event.type, 'NodeRegistered');
    assert.equal(decision.expect, [{ stream: 'node/worker-1', version }]);
  }
});

test('the health of a container waits for the report that it runs, and is not dropped', () => {
  const history = createHistory();
  history.node('worker-1');
  history.serviceRequested('web', 1);
  const container = history.queued('web', 1, 'worker-1');
  const report = { kind: 'healthy', ...head, session: 1, container, causationId: null } as const;
  const decide = () => decideReport(viewOf(history), report, clusterId);
  assert.is(decide(), 'early');
  history.starting(container);
  assert.is(decide(), 'early');
  history.running(container);
  const decision = decide();
  assert.ok(typeof decision === 'object');
  assert.is(decision.event.type, 'ContainerHealthy');
});

test.run();
