/** What the facts of a job's runs, and of their containers, make of the view. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EventData } from '../../../../src/events/schema/catalog.ts';
import { jobPolicyDefault } from '../../../../src/model/job.ts';
import type { ServicePolicy } from '../../../../src/model/policy.ts';
import { scheduleDefaults } from '../../../../src/model/schedule.ts';
import { serviceRow } from '../../../../src/projections/rows/service-row.ts';
import { type ClusterView, emptyClusterView, type JobView } from '../../../../src/projections/view/cluster-view.ts';
import { evolve } from '../../../../src/projections/view/evolve.ts';
import { createHistory, type History, spec, timeOf } from '../../../support/log/history.ts';

const test = suite('runs of jobs');
const job = { mode: 'job', job: { ...jobPolicyDefault, completions: 2, parallelism: 2 } } as const;

function fold(history: History): ClusterView {
  const view = emptyClusterView();
  for (const event of history.events) evolve(view, event);
  return view;
}

const jobOf = (history: History): JobView => fold(history).services.get('batch')!.job!;

function given(policy: ServicePolicy = job): History {
  const history = createHistory();
  history.node('worker-1');
  history.serviceRequested('batch', 0, spec(), policy);
  return history;
}

const due = (history: History, run: number, members: Partial<EventData<'JobDue'>> = {}) =>
  history.add('JobDue', {
    ...{ service: 'batch', run, generation: 1, cause: 'requested', dueAt: timeOf(0), passed: 0 },
    ...{ firstSlot: 1, completions: 2, isReplacing: true },
    ...members,
  });

const complete = (history: History, run: number) =>
  history.add('JobCompleted', { service: 'batch', run, completions: 2, seconds: 1 });

test('a run counts the ends of its own containers, and is over with its last fact', () => {
  const history = given();
  due(history, 1);
  for (const slot of [1, 2]) {
    const id = history.queued('batch', slot, 'worker-1');
    history.running(id);
    history.completed(id);
  }
  assert.equal(
    jobOf(history).runs.map(({ succeeded, state }) => [succeeded, state]),
    [[2, 'running']],
  );
  complete(history, 1);
  const view = fold(history);
  const service = view.services.get('batch')!;
  assert.equal([service.job!.runs[0]!.state, service.slots.size, view.jobs.size], ['completed', 0, 0]);
  assert.equal([...service.converged.keys()], [1]);
  assert.is(serviceRow(view, service).status, 'completed');
});

test('what ends after its run was replaced says nothing about the run that has its slot', () => {
  const history = given();
  due(history, 1);
  const [first, second] = [1, 2].map((slot) => history.queued('batch', slot, 'worker-1'));
  history.running(first!);
  history.running(second!);
  due(history, 2);
  history.completed(first!);
  history.failed(second!);
  const service = fold(history).services.get('batch')!;
  assert.equal(
    service.job!.runs.map(({ succeeded, state }) => [succeeded, state]),
    [
      [0, 'replaced'],
      [0, 'running'],
    ],
  );
  assert.equal(
    [...service.slots.values()].map(({ done, failures }) => [done, failures]),
    [
      [null, 0],
      [null, 0],
    ],
  );
});

test('what ends with 0 when it was asked to stop is not done', () => {
  const history = given();
  due(history, 1);
  const id = history.queued('batch', 1, 'worker-1');
  history.running(id);
  history.stopRequested(id, 'node draining');
  history.completed(id);
  const service = fold(history).services.get('batch')!;
  assert.equal([service.job!.runs[0]!.succeeded, service.slots.get(1)!.done], [0, null]);
});

test('failures of a slot add up in a run, however long one ran, and begin at zero in the next', () => {
  const history = given();
  due(history, 1);
  for (let time = 0; time < 2; time += 1) {
    const id = history.queued('batch', 1, 'worker-1');
    history.running(id);
    history.wait(600);
    history.failed(id);
  }
  assert.is(fold(history).services.get('batch')!.slots.get(1)!.failures, 2);
  due(history, 2);
  assert.is(fold(history).services.get('batch')!.slots.get(1)?.failures, 0);
});

test('a request asks for a run, one of a scheduled job only when it restarts; JobDue answers it', () => {
  const history = given();
  assert.ok(jobOf(history).requested);
  due(history, 1);
  assert.is(jobOf(history).requested, null);
  const scheduled = given({ ...job, schedule: { cron: '* * * * *', ...scheduleDefaults } });
  assert.is(jobOf(scheduled).requested, null);
  scheduled.serviceRequested('batch', 0, spec({ image: 'other' }), fold(scheduled).services.get('batch')!.policy);
  assert.is(jobOf(scheduled).requested, null);
  const restarted = spec({ image: 'other', restarts: 1 });
  scheduled.serviceRequested('batch', 0, restarted, fold(scheduled).services.get('batch')!.policy);
  assert.ok(jobOf(scheduled).requested);
});

test('a corrected clock leaves a run as long as it was, and decides ticks again from the time that is right', () => {
  const history = given({ ...job, schedule: { cron: '* * * * *', ...scheduleDefaults } });
  due(history.wait(60), 1, { cause: 'schedule', dueAt: timeOf(60) });
  const before = fold(history);
  const to = timeOf(-86_400);
  const view = fold(history);
  evolve(view, { ...history.add('ClockCorrected', { from: before.at, to }), at: to } as never);
  const { runs, ticksDecidedMs } = view.services.get('batch')!.job!;
  const aheadMs = Date.parse(before.at) - Date.parse(to);
  assert.is(runs[0]!.beganAtMs, before.services.get('batch')!.job!.runs[0]!.beganAtMs - aheadMs);
  assert.equal([runs[0]!.dueAt, ticksDecidedMs], [to, Date.parse(to)]);
});

test('the last ten runs are kept, those that go on in any case', () => {
  const history = given({ ...job, schedule: { cron: '* * * * *', ...scheduleDefaults, overlap: 'allow' } });
  for (let run = 1; run <= 12; run += 1) {
    due(history, run, { cause: 'schedule', dueAt: timeOf(run), firstSlot: run === 1 ? 1 : 3, isReplacing: false });
    if (run > 1) complete(history, run);
  }
  assert.equal(
    jobOf(history).runs.map(({ run }) => run),
    [1, 4, 5, 6, 7, 8, 9, 10, 11, 12],
  );
});

test.run();
