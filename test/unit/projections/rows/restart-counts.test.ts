/** How often slots restarted in the last hour of log time, as it passes. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { restartCounts, slotRestarts } from '../../../../src/projections/rows/restart-counts.ts';
import { serviceRow } from '../../../../src/projections/rows/service-row.ts';
import { type ClusterView, emptyClusterView } from '../../../../src/projections/view/cluster-view.ts';
import { evolve } from '../../../../src/projections/view/evolve.ts';
import { createHistory, type History, spec } from '../../../support/log/history.ts';

const test = suite('restart counts');

function given(replicas: number): History {
  const history = createHistory();
  history.node('worker-1');
  history.serviceRequested('web', replicas);
  return history;
}

function fold(history: History): ClusterView {
  const view = emptyClusterView();
  for (const event of history.events) evolve(view, event);
  return view;
}

const counts = (view: ClusterView) => restartCounts(view, view.services.get('web')!);
const slots = (view: ClusterView) => slotRestarts(view, view.services.get('web')!);
const fail = (history: History, slot: number) => history.failed(history.queued('web', slot, 'worker-1'));
const none = { restartsLastHour: 0, worstSlot: null };

test('each end of a run that nobody asked for counts, by slot, and the worst slot is named', () => {
  const history = given(3);
  assert.equal(counts(fold(history)), none);
  for (const slot of [3, 2, 1, 2, 3, 2]) fail(history, slot);
  history.completed(history.queued('web', 1, 'worker-1'));
  const view = fold(history);
  assert.equal(counts(view), { restartsLastHour: 7, worstSlot: { slot: 2, restarts: 3 } });
  assert.equal(slots(view), [
    { slot: 1, restarts: 2 },
    { slot: 2, restarts: 3 },
    { slot: 3, restarts: 2 },
  ]);
});

test('what we stopped, and what was lost with its node, does not count; a run that was unhealthy counts once', () => {
  const history = given(1);
  const stopped = history.queued('web', 1, 'worker-1');
  history.running(stopped);
  history.stopRequested(stopped, 'replaced');
  history.stopped(stopped);
  history.failed(history.queued('web', 1, 'worker-1'), 'node lost');
  assert.equal(counts(fold(history)), none);
  const unhealthy = history.queued('web', 1, 'worker-1');
  const { data } = history.running(unhealthy);
  const { container, service, slot, node } = data as Record<string, unknown>;
  history.add('ContainerUnhealthy', { container, service, slot, node, output: 'no answer' } as never);
  assert.is(counts(fold(history)).restartsLastHour, 1);
  history.failed(unhealthy);
  assert.is(counts(fold(history)).restartsLastHour, 1);
});

test('a new spec keeps them', () => {
  const history = given(1);
  fail(history, 1);
  history.serviceRequested('web', 1, spec({ image: 'nginx:2' }));
  fail(history, 1);
  assert.is(counts(fold(history)).restartsLastHour, 2);
});

test('they fall to zero within an hour of log time, and the row that is stored does not change with them', () => {
  const history = given(2);
  fail(history, 1);
  history.wait(1_800);
  for (const slot of [2, 2]) fail(history, slot);
  const view = fold(history);
  const row = serviceRow(view, view.services.get('web')!);
  const seen: number[] = [];
  for (let minute = 1; minute <= 61; minute += 1) {
    const event = history.wait(60).add('HeartbeatsReceived', { heartbeats: [] });
    evolve(view, { ...event, version: 0 });
    seen.push(counts(view).restartsLastHour);
  }
  assert.equal([...new Set(seen)], [3, 2, 0]);
  const [untilFirst, untilAll] = [seen.indexOf(2) + 1, seen.indexOf(0) + 1];
  assert.ok(untilFirst >= 29 && untilFirst <= 31, `${untilFirst} min`);
  assert.ok(untilAll >= 59 && untilAll <= 61, `${untilAll} min`);
  assert.equal(serviceRow(view, view.services.get('web')!), row);
});

test('a slot that restarts for days keeps sixty numbers', () => {
  const history = given(1);
  for (let restart = 0; restart < 500; restart += 1) fail(history.wait(20), 1);
  const view = fold(history);
  assert.ok(view.services.get('web')!.slots.get(1)!.restarts.length <= 60);
  const { restartsLastHour } = counts(view);
  assert.ok(restartsLastHour >= 177 && restartsLastHour <= 180, `${restartsLastHour}`);
});

test('after the clock was set back none is lost, and none stays longer than an hour', () => {
  const history = given(1);
  for (const _ of [1, 2, 3]) fail(history.wait(60), 1);
  const view = fold(history);
  const hoursBack = (at: string, hours: number) => new Date(Date.parse(at) - hours * 3_600_000).toISOString();
  const to = hoursBack(view.at, 24);
  evolve(view, { ...history.add('ClockCorrected', { from: view.at, to }), at: to } as never);
  assert.is(counts(view).restartsLastHour, 3);
  const event = history.add('HeartbeatsReceived', { heartbeats: [] });
  evolve(view, { ...event, version: 0, at: hoursBack(to, -1.02) });
  assert.equal(counts(view), none);
});

test.run();
