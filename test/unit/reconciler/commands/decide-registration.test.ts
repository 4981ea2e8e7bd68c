/** Whose a node is when two instances of its agent ask for it: a table, and what the log is told. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { RegisterReport } from '../../../../src/bus/messages.ts';
import { assertEvent } from '../../../../src/events/schema/validate-event.ts';
import type { AgentInstance } from '../../../../src/model/node.ts';
import { emptyClusterView, type NodeView, refusalsKept } from '../../../../src/projections/view/cluster-view.ts';
import { evolve } from '../../../../src/projections/view/evolve.ts';
import {
  type Claim,
  decideClaim,
  type HolderSigns,
  recordRefusal,
  refusalEveryMs,
} from '../../../../src/reconciler/commands/decide-registration.ts';
import { decideReport } from '../../../../src/reconciler/commands/decide-report.ts';
import { clusterId, createHistory, epochMs, type History, timeOf } from '../../../support/log/history.ts';

const test = suite('decide: claims');

const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const instance = (n: number): AgentInstance => ({ id: uuid(n), pid: n, startedAt: timeOf(0) });
const [holder, claimant] = [instance(1), instance(2)];

const reportOf = (changes: Partial<RegisterReport> = {}): RegisterReport => ({
  ...{ kind: 'register', clusterId, node: 'worker-1', reportId: clusterId, at: timeOf(0) },
  ...{ registrationId: clusterId, hostname: 'right', agentVersion: '1', labels: [], inventory: [] },
  engine: { kind: 'simulated', engineId: 'e', version: '1', memoryBytes: 1, cpuMillis: 1 },
  instance: claimant,
  ...changes,
});

/** worker-1 of `holder`, unless it does not say. */
function givenNode(by: AgentInstance | null = holder): History {
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

/** Beats every second, as of the last. */
const heard: HolderSigns = { timeoutMs: 5_000, silentMs: 400, sinceHeartbeatMs: 400, challengedAgoMs: null };
const withoutInstance = (() => {
  const { instance: _, ...report } = reportOf();
  return report;
})();

const table: [sentence: string, History | null, RegisterReport, Partial<HolderSigns>, Claim][] = [
  ['a node nobody has is whose asks', null, reportOf(), {}, 'register'],
  ['the holder registers again', givenNode(), reportOf({ instance: holder }), {}, 'register'],
  ['the holder of an agent that does not say gives way', givenNode(null), reportOf(), {}, 'register'],
  ['an agent that does not say takes it as ever', givenNode(), withoutInstance, {}, 'register'],
  ['another is challenged first', givenNode(), reportOf(), {}, 'challenge'],
  [
    'also when the manager is new and has heard nobody yet',
    givenNode(),
    reportOf(),
    { sinceHeartbeatMs: null },
    'challenge',
  ],
  ['who reads the queue takes over at once', givenNode(), reportOf({ readsQueue: true }), {}, 'register'],
  [
    'who did not, while the holder was heard, is refused',
    givenNode(),
    reportOf(),
    { challengedAgoMs: 2_000 },
    'refuse',
  ],
  ['a beat from before the challenge proves nothing', givenNode(), reportOf(), { challengedAgoMs: 300 }, 'challenge'],
  [
    'past the time-out it is whose asks',
    givenNode(),
    reportOf(),
    { silentMs: 5_001, sinceHeartbeatMs: 5_001 },
    'register',
  ],
  ['also when it was never watched', givenNode(), reportOf(), { silentMs: null, sinceHeartbeatMs: null }, 'register'],
];

for (const [sentence, history, report, signs, claim] of table) {
  test(sentence, () => {
    assert.is(decideClaim(history ? nodeOf(history) : undefined, report, { ...heard, ...signs }), claim);
  });
}

test('a lost node is whose asks', () => {
  const history = givenNode();
  history.add('NodeLost', { node: 'worker-1', session: 1, lastHeardAt: null, silentMs: 6_000 });
  assert.is(decideClaim(nodeOf(history), reportOf(), heard), 'register');
});

test('who was refused proves nothing by the queue until the holder is silent, or another has the node', () => {
  const history = givenNode();
  refuse(history, claimant);
  const proven = reportOf({ readsQueue: true });
  assert.is(decideClaim(nodeOf(history), proven, heard), 'refuse');
  assert.is(decideClaim(nodeOf(history), proven, { ...heard, silentMs: 6_000 }), 'register');
  const returned = history.node('worker-1');
  Object.assign(returned, { type: 'NodeReturned', data: { ...returned.data, instance: holder } });
  assert.is(decideClaim(nodeOf(history), proven, heard), 'refuse', 'the same holder in another session');
  const taken = history.node('worker-1');
  Object.assign(taken, { type: 'NodeReturned', data: { ...taken.data, instance: instance(3) } });
  assert.is(decideClaim(nodeOf(history), proven, heard), 'register');
});

test('a refusal is written before it is told, and again only while the claimant insists', () => {
  const history = givenNode();
  const first = recordRefusal(nodeOf(history), reportOf(), epochMs);
  assert.ok(first);
  assertEvent(first.event);
  assert.equal(first.expect, [{ stream: 'node/worker-1', version: 1 }]);
  assert.equal(first.event.data, {
    ...{ node: 'worker-1', registrationId: clusterId, instance: claimant, hostname: 'right', session: 1 },
  });
  refuse(history, claimant);
  assert.is(recordRefusal(nodeOf(history), reportOf(), epochMs + refusalEveryMs - 1), null);
  assert.ok(recordRefusal(nodeOf(history), reportOf(), epochMs + refusalEveryMs));
  assert.ok(recordRefusal(nodeOf(history), reportOf({ instance: instance(3) }), epochMs + 1), 'another one');
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
  assert.equal((decision.event.data as { instance?: AgentInstance }).instance, claimant);
  const without = decideReport(viewOf(givenNode()), withoutInstance, clusterId);
  assert.ok(typeof without === 'object');
  assert.not('instance' in without.event.data);
});

test.run();
