/** Whose a node is when two instances of its agent ask for it: a table, and what the log is told. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { RegisterReport } from '../../../../src/bus/messages.ts';
import { assertEvent } from '../../../../src/events/schema/validate-event.ts';
import type { AgentInstance } from '../../../../src/model/node.ts';
import { emptyClusterView, type NodeView, refusalsKept } from '../../../../src/projections/view/cluster-view.ts';
import { evolve } from '../../../../src/projections/view/evolve.ts';
import {
  type ConflictEvidence,
  decideRefusal,
  type RegistrationDecision,
  refusalEveryMs,
  resolveRegistration,
} from '../../../../src/reconciler/commands/decide-registration.ts';
import { decideReport } from '../../../../src/reconciler/commands/decide-report.ts';
import { clusterId, createHistory, epochMs, type History, timeOf } from '../../../support/log/history.ts';

const test = suite('decide: claims');

const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const instance = (n: number): AgentInstance => ({ id: uuid(n), pid: n, startedAt: timeOf(0) });
const [current, contender] = [instance(1), instance(2)];

const reportOf = (changes: Partial<RegisterReport> = {}): RegisterReport => ({
  ...{ kind: 'register', clusterId, node: 'worker-1', reportId: clusterId, at: timeOf(0) },
  ...{ registrationId: clusterId, hostname: 'right', agentVersion: '1', labels: [], inventory: [] },
  engine: { kind: 'simulated', engineId: 'e', version: '1', memoryBytes: 1, cpuMillis: 1 },
  instance: contender,
  ...changes,
});

/** worker-1, registered by `current` unless another is given; null: an agent that does not name its instance. */
function givenNode(by: AgentInstance | null = current): History {
  const history = createHistory();
  const { data } = createHistory().node('worker-1');
  history.add('NodeRegistered', { ...(data as RegisterReport), ...(by ? { instance: by } : {}) } as never);
  return history;
}

const refuse = (history: History, whom: AgentInstance) =>
  history.add(
    'RegistrationRefused',
    { node: 'worker-1', registrationId: clusterId, instance: whom, hostname: 'right', session: 1 },
    'node/worker-1',
  );

function viewOf({ events }: History) {
  const view = emptyClusterView();
  for (const event of events) evolve(view, event);
  return view;
}

const nodeOf = (history: History): NodeView => viewOf(history).nodes.get('worker-1')!;

/** The registered instance sent a heartbeat just now. */
const alive: ConflictEvidence = { timeoutMs: 5_000, silentMs: 400, sinceHeartbeatMs: 400, challengedAgoMs: null };
const withoutInstance = (() => {
  const { instance: _, ...report } = reportOf();
  return report;
})();

const table: [sentence: string, History | null, RegisterReport, Partial<ConflictEvidence>, RegistrationDecision][] = [
  ['an unknown node is registered', null, reportOf(), {}, 'register'],
  ['the registered instance registers again', givenNode(), reportOf({ instance: current }), {}, 'register'],
  ['an instance that is not named gives way', givenNode(null), reportOf(), {}, 'register'],
  ['a contender that is not named is registered', givenNode(), withoutInstance, {}, 'register'],
  ['another instance is challenged first', givenNode(), reportOf(), {}, 'challenge'],
  [
    'another instance is challenged also by a new manager that received no heartbeat yet',
    givenNode(),
    reportOf(),
    { sinceHeartbeatMs: null },
    'challenge',
  ],
  [
    'a contender that reads the queue is registered at once',
    givenNode(),
    reportOf({ readsQueue: true }),
    {},
    'register',
  ],
  [
    'a contender that did not answer is refused after a heartbeat of the registered instance',
    givenNode(),
    reportOf(),
    { challengedAgoMs: 2_000 },
    'refuse',
  ],
  [
    'a heartbeat from before the challenge proves nothing',
    givenNode(),
    reportOf(),
    { challengedAgoMs: 300 },
    'challenge',
  ],
  [
    'past the node timeout another instance is registered',
    givenNode(),
    reportOf(),
    { silentMs: 5_001, sinceHeartbeatMs: 5_001 },
    'register',
  ],
  [
    'a node that is not watched is registered',
    givenNode(),
    reportOf(),
    { silentMs: null, sinceHeartbeatMs: null },
    'register',
  ],
];

for (const [sentence, history, report, evidence, decision] of table) {
  test(sentence, () => {
    assert.is(resolveRegistration(history ? nodeOf(history) : undefined, report, { ...alive, ...evidence }), decision);
  });
}

test('a lost node is registered', () => {
  const history = givenNode();
  history.add('NodeLost', { node: 'worker-1', session: 1, lastHeardAt: null, silentMs: 6_000 });
  assert.is(resolveRegistration(nodeOf(history), reportOf(), alive), 'register');
});

test('a refused contender stays refused until the registered instance times out or is replaced', () => {
  const history = givenNode();
  refuse(history, contender);
  const proven = reportOf({ readsQueue: true });
  assert.is(resolveRegistration(nodeOf(history), proven, alive), 'refuse');
  assert.is(resolveRegistration(nodeOf(history), proven, { ...alive, silentMs: 6_000 }), 'register');
  const returned = history.node('worker-1');
  Object.assign(returned, { type: 'NodeReturned', data: { ...returned.data, instance: current } });
  assert.is(resolveRegistration(nodeOf(history), proven, alive), 'refuse', 'the same instance in another session');
  const taken = history.node('worker-1');
  Object.assign(taken, { type: 'NodeReturned', data: { ...taken.data, instance: instance(3) } });
  assert.is(resolveRegistration(nodeOf(history), proven, alive), 'register');
});

test('a refusal is recorded, and again only while the contender keeps asking', () => {
  const history = givenNode();
  const first = decideRefusal(nodeOf(history), reportOf(), epochMs);
  assert.ok(first);
  assertEvent(first.event);
  assert.equal(first.expect, [{ stream: 'node/worker-1', version: 1 }]);
  assert.equal(first.event.data, {
    ...{ node: 'worker-1', registrationId: clusterId, instance: contender, hostname: 'right', session: 1 },
  });
  refuse(history, contender);
  assert.is(decideRefusal(nodeOf(history), reportOf(), epochMs + refusalEveryMs - 1), null);
  assert.ok(decideRefusal(nodeOf(history), reportOf(), epochMs + refusalEveryMs));
  assert.ok(decideRefusal(nodeOf(history), reportOf({ instance: instance(3) }), epochMs + 1), 'another one');
});

test('however many are refused, a few are remembered, each once', () => {
  const history = givenNode();
  for (let n = 2; n < 10; n += 1) refuse(history, instance(n));
  refuse(history, instance(8));
  const { refusals } = nodeOf(history);
  assert.is(refusals.length, refusalsKept);
  assert.equal(
    refusals.map(({ instance: { pid } }) => pid),
    [6, 7, 9, 8],
  );
});

test('a registration is written with the instance that made it', () => {
  const decision = decideReport(viewOf(givenNode()), reportOf(), clusterId);
  assert.ok(typeof decision === 'object');
  assertEvent(decision.event);
  assert.equal((decision.event.data as { instance?: AgentInstance }).instance, contender);
  const without = decideReport(viewOf(givenNode()), withoutInstance, clusterId);
  assert.ok(typeof without === 'object');
  assert.not('instance' in without.event.data);
});

test.run();
