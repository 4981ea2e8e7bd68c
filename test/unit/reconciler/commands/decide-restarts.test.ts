/** What the log takes of restarts that an agent made while it was alone: given a history, when it reports them, then one commit or nothing. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ReportOf } from '../../../../src/bus/messages.ts';
import { assertEvent } from '../../../../src/events/schema/validate-event.ts';
import { restartedId } from '../../../../src/model/ids.ts';
import { emptyClusterView } from '../../../../src/projections/view/cluster-view.ts';
import { evolve } from '../../../../src/projections/view/evolve.ts';
import { decideRestarts } from '../../../../src/reconciler/commands/decide-restarts.ts';
import { clusterId, createHistory, epochMs, type History, spec, timeOf } from '../../../support/log/history.ts';

const test = suite('decide: restarts');

type Report = ReportOf<'restarted'>;
type Run = Report['runs'][number];

const failed: Run['end'] = { kind: 'failed', reason: 'exited', message: 'exit code 1', exitCode: 1, logTail: ['oops'] };
const ran: Run['running'] = { engineContainerId: 'e1', startedAt: timeOf(30), ports: [] };

/** The chain of a container: each ended but the last, which runs. */
function restartsOf(container: string, count: number, changes: Partial<Report> = {}): Report {
  const runs: Run[] = [{ container, running: null, end: failed }];
  for (let id = container; runs.length <= count; ) {
    id = restartedId(id);
    runs.push({ container: id, running: ran, end: runs.length === count ? null : failed });
  }
  const head = { clusterId, node: 'worker-1', reportId: clusterId, at: timeOf(60), session: 1, causationId: null };
  return { kind: 'restarted', ...head, container, runs, ...changes };
}

/** One container of one replica runs on the first of two nodes. */
function given(): { history: History; container: string } {
  const history = createHistory();
  history.node('worker-1');
  history.node('worker-2');
  history.serviceRequested('web', 1);
  const container = history.queued('web', 1, 'worker-1');
  history.running(container);
  return { history, container };
}

function decide(history: History, report: Report) {
  const view = emptyClusterView();
  for (const event of history.events) evolve(view, event);
  return decideRestarts(view, report, epochMs + 60_000);
}

test('an end and the restart after it are one commit, each with its cause', () => {
  const { history, container } = given();
  const decision = decide(history, restartsOf(container, 1));
  assert.ok(typeof decision === 'object');
  for (const event of decision.events) assertEvent(event);
  const [end, queued, running] = decision.events;
  assert.equal(
    decision.events.map(({ type }) => type),
    ['ContainerFailed', 'ContainerQueued', 'ContainerRunning'],
  );
  assert.is(end!.meta.causationId, history.events.at(-1)!.meta.eventId);
  assert.equal([queued!.meta.causationIndex, running!.meta.causationIndex], [0, 1]);
  assert.equal(
    decision.events.map(({ meta }) => meta.actor),
    ['node:worker-1', 'node:worker-1', 'node:worker-1'],
  );
  assert.equal(decision.expect, [
    { stream: `container/${container}`, version: 2 },
    { stream: `container/${container}.1`, version: 0 },
  ]);
  const { replaces, node, session } = queued!.data as { replaces: string; node: string; session: number };
  assert.equal([replaces, node, session], [container, 'worker-1', 1]);
});

test('a chain is taken from where the log is, and once', () => {
  const { history, container } = given();
  const first = decide(history, restartsOf(container, 1));
  assert.ok(typeof first === 'object');
  for (const { type, data, stream } of first.events) history.add(type, data as never, stream);
  assert.is(decide(history, restartsOf(container, 1)), 'stale');
  const longer = decide(history, restartsOf(container, 3));
  assert.ok(typeof longer === 'object');
  assert.equal(
    longer.events.map(({ type, data }) => `${type} ${(data as { container: string }).container}`),
    [
      `ContainerFailed ${container}.1`,
      `ContainerQueued ${container}.2`,
      `ContainerRunning ${container}.2`,
      `ContainerFailed ${container}.2`,
      `ContainerQueued ${container}.3`,
      `ContainerRunning ${container}.3`,
    ],
  );
});

const refused: [what: string, then: (history: History, container: string) => unknown][] = [
  ['it was asked to stop', (history, container) => history.stopRequested(container)],
  ['it has ended in the log', (history, container) => history.failed(container)],
  [
    'its node was lost',
    (history, container) => {
      history.failed(container, 'node lost', 'lost');
      history.add('NodeLost', { node: 'worker-1', session: 1, lastHeardAt: null, silentMs: 6_000 });
    },
  ],
  ['another run has come beside it', (history, container) => history.queued('web', 1, 'worker-2', container)],
  ['another spec is wanted', (history) => history.serviceRequested('web', 1, spec({ image: 'other' }))],
  ['its slot is not wanted', (history) => history.serviceRequested('web', 0)],
  ['its service is removed', (history) => history.add('ServiceRemovalRequested', { service: 'web', generation: 2 })],
  ['its node is drained', (history) => history.add('NodeDrainRequested', { node: 'worker-1' })],
  ['its node takes nothing new', (history) => history.add('NodeCordoned', { node: 'worker-1' })],
];

for (const [what, then] of refused) {
  test(`refused: ${what}`, () => {
    const { history, container } = given();
    then(history, container);
    assert.is(decide(history, restartsOf(container, 1)), 'orphan');
  });
}

test('refused: the log never had it', () => {
  assert.is(decide(given().history, restartsOf('web.7-z', 1)), 'orphan');
});

test('a report of another session, or that names runs by no rule, says nothing', () => {
  const { history, container } = given();
  assert.is(decide(history, restartsOf(container, 1, { session: 7 })), 'stale');
  const other = restartsOf(container, 1);
  other.runs[1]!.container = 'web.1-zz';
  assert.is(decide(history, other), 'stale');
  const open = restartsOf(container, 2);
  open.runs[0]!.end = null;
  assert.is(decide(history, open), 'stale');
});

test('the restarts of one container count up', () => {
  assert.is(restartedId('web.2-4k'), 'web.2-4k.1');
  assert.is(restartedId('web.2-4k.1'), 'web.2-4k.2');
  assert.is(restartedId('a-1.2-4k.9'), 'a-1.2-4k.10');
});

test.run();
