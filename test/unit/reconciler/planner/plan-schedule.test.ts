/** Scheduled jobs on the simulated cluster: one run a tick, whatever becomes of the run before and of the leader. */

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { jobPolicyDefault } from '../../../../src/model/job.ts';
import { type Schedule, scheduleDefaults } from '../../../../src/model/schedule.ts';
import { decide } from '../../../../src/reconciler/commands/decide.ts';
import { clusterOf, ofType, planOn, rowOf } from '../../../support/simulation/given-cluster.ts';
import { assertJobs } from '../../../support/simulation/job-rules.ts';
import {
  assertReplayEqualsLive,
  nodeTimeoutMs,
  type SimulatedCluster,
} from '../../../support/simulation/simulated-cluster.ts';
import { specOf } from '../../../support/specs.ts';

const test = suite('plan: schedules');
const context = { actor: 'person:test', requestId: 'request' };
const settings = { nodeTimeoutMs };

/** The simulation begins at 00:00:00; the service is requested at 00:00:02. */
function given(schedule: Partial<Schedule>, runMs: number, timeoutSeconds: number | null = null): SimulatedCluster {
  const cluster = clusterOf(2, { startErrorRate: 0, ends: () => ({ afterMs: runMs, exitCode: 0 }) });
  apply(cluster, schedule, timeoutSeconds);
  return cluster;
}

function apply(cluster: SimulatedCluster, schedule: Partial<Schedule>, timeoutSeconds: number | null = null): void {
  const spec = {
    ...{ service: 'backup', replicas: null, container: specOf('backup'), mode: 'job' as const },
    job: { ...jobPolicyDefault, timeoutSeconds },
    schedule: { cron: '* * * * *', ...scheduleDefaults, ...schedule },
  };
  const { events, expect } = decide(cluster.view, { kind: 'apply', specs: [spec] }, context, settings);
  assert.ok(cluster.append(events, expect));
}

const minuteOf = (at: string) => at.slice(11, 16);
const dueOf = (cluster: SimulatedCluster) =>
  ofType(cluster, 'JobDue').map(({ data }) => [minuteOf(data.dueAt), data.cause]);

test('each tick after the request begins a run within a quarter of a second, and none before the first', () => {
  const cluster = given({}, 5_000);
  cluster.advance(50_000);
  assert.equal([ofType(cluster, 'JobDue').length, rowOf(cluster, 'backup').status], [0, 'converged']);
  cluster.advance(150_000);
  assert.equal(dueOf(cluster), [
    ['00:01', 'schedule'],
    ['00:02', 'schedule'],
    ['00:03', 'schedule'],
  ]);
  for (const { at, data } of ofType(cluster, 'JobDue')) assert.ok(Date.parse(at) - Date.parse(data.dueAt) <= 250, at);
  assert.is(rowOf(cluster, 'backup').status, 'completed');
  assert.is(ofType(cluster, 'JobCompleted').length, 3);
});

test('overlap forbid: a tick while the run before goes on is skipped, and that is a fact', () => {
  const cluster = given({}, 90_000);
  cluster.advance(290_000);
  assert.equal(dueOf(cluster), [
    ['00:01', 'schedule'],
    ['00:03', 'schedule'],
  ]);
  assert.equal(
    ofType(cluster, 'JobSkipped').map(({ data }) => [minuteOf(data.dueAt), data.why, data.run, data.ticks]),
    [
      ['00:02', 'overlap', 1, 1],
      ['00:04', 'overlap', 2, 1],
    ],
  );
});

test('overlap replace: a tick ends the run before, whose container is stopped before the next one begins', () => {
  const cluster = given({ overlap: 'replace' }, 90_000);
  cluster.advance(200_000);
  assert.is(dueOf(cluster).length, 3);
  const stops = ofType(cluster, 'ContainerStopRequested');
  assert.equal(
    stops.map(({ data }) => data.reason),
    ['replaced', 'replaced'],
  );
  const runs = cluster.view.services.get('backup')!.job!.runs;
  assert.equal(
    runs.map(({ state }) => state),
    ['replaced', 'replaced', 'running'],
  );
  assert.is(cluster.view.services.get('backup')!.live, 1);
});

test('overlap allow: runs go on beside each other in slots of their own, no more of them than are kept', () => {
  const cluster = given({ overlap: 'allow' }, 3_600_000);
  cluster.advance(12 * 60_000 + 30_000);
  const runs = cluster.view.services.get('backup')!.job!.runs;
  assert.is(runs.length, 10);
  assert.ok(runs.every(({ state }) => state === 'running'));
  assert.equal(
    runs.map(({ firstSlot }) => firstSlot),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  );
  assert.is(cluster.view.services.get('backup')!.running, 10);
  assert.is(ofType(cluster, 'JobSkipped').length, 2);
});

test('overlap allow: the slots of a run that is over are used again', () => {
  const cluster = given({ overlap: 'allow' }, 90_000);
  cluster.advance(10 * 60_000);
  const slots = ofType(cluster, 'JobDue').map(({ data }) => data.firstSlot);
  assert.equal(slots.slice(0, 4), [1, 2, 1, 2]);
  assert.ok(cluster.view.services.get('backup')!.slots.size <= 2);
});

test('missed skip: ticks that passed without a leader are skipped together, and the next one runs', () => {
  const cluster = given({}, 5_000);
  cluster.advance(70_000);
  cluster.pause(10 * 60_000 - 20_000);
  cluster.advance(70_000);
  assert.equal(dueOf(cluster), [
    ['00:01', 'schedule'],
    ['00:11', 'schedule'],
    ['00:12', 'schedule'],
  ]);
  const late = given({}, 5_000);
  late.advance(70_000);
  late.pause(10 * 60_000 + 30_000);
  late.advance(30_000);
  const [skipped] = ofType(late, 'JobSkipped');
  assert.equal([minuteOf(skipped!.data.dueAt), skipped!.data.why, skipped!.data.ticks], ['00:11', 'missed', 10]);
  assert.equal(dueOf(late).slice(1), [['00:12', 'schedule']]);
});

test('missed run-once: one run makes up for all of them', () => {
  const cluster = given({ missed: 'run-once' }, 5_000);
  cluster.advance(70_000);
  cluster.pause(10 * 60_000 + 30_000);
  cluster.advance(20_000);
  assert.equal(dueOf(cluster), [
    ['00:01', 'schedule'],
    ['00:11', 'missed'],
    ['00:12', 'schedule'],
  ]);
  assert.is(ofType(cluster, 'JobDue')[1]!.data.passed, 9);
});

test('a short time without a leader costs no tick: the last one still runs', () => {
  const cluster = given({}, 5_000);
  cluster.advance(55_000);
  cluster.pause(15_000);
  cluster.advance(5_000);
  assert.equal(dueOf(cluster), [['00:01', 'schedule']]);
});

test('a change of the spec begins no run, a changed schedule counts from its request, a restart runs now', () => {
  const cluster = given({ cron: '0 0 * * *' }, 5_000);
  cluster.advance(10_000);
  apply(cluster, { cron: '*/2 * * * *' });
  cluster.advance(60_000);
  assert.is(ofType(cluster, 'JobDue').length, 0);
  const { events, expect } = decide(cluster.view, { kind: 'restart', service: 'backup' }, context, settings);
  assert.ok(cluster.append(events, expect));
  cluster.advance(60_000);
  assert.equal(
    dueOf(cluster).map(([, cause]) => cause),
    ['requested', 'schedule'],
  );
});

test('a run that takes too long has failed, and the next tick runs all the same', () => {
  const cluster = given({ cron: '*/2 * * * *' }, 3_600_000, 30);
  cluster.advance(280_000);
  assert.is(ofType(cluster, 'JobFailed').length, 2);
  assert.is(ofType(cluster, 'JobDue').length, 2);
});

test('a removed service has no ticks any more', () => {
  const cluster = given({}, 5_000);
  const { events, expect } = decide(cluster.view, { kind: 'remove', service: 'backup' }, context, settings);
  assert.ok(cluster.append(events, expect));
  cluster.advance(120_000);
  assert.equal([ofType(cluster, 'JobDue').length, cluster.view.jobs.size], [0, 0]);
});

test('one run a tick, wherever leaders stop and come back', () => {
  const rule = fc.constantFrom('allow', 'forbid', 'replace');
  const missed = fc.constantFrom('skip', 'run-once');
  const gap = fc.record({ cut: fc.nat({ max: 2 }), awayMs: fc.nat({ max: 60_000 }), thereMs: fc.nat({ max: 40_000 }) });
  fc.assert(
    fc.property(rule, missed, fc.array(gap, { maxLength: 12 }), (overlap, missed, gaps) => {
      const cluster = given({ cron: '*/20 * * * * *', overlap, missed } as Partial<Schedule>, 15_000);
      for (const { cut, awayMs, thereMs } of gaps) {
        cluster.pause(awayMs);
        const work = { services: new Set(['backup']), nodes: new Set<string>() };
        const steps = planOn(cluster.view, work, cluster.nowMs());
        for (const { event, expect } of steps.slice(0, cut)) cluster.write([event], expect);
        cluster.advance(thereMs);
      }
      cluster.advance(61_000);
      assertJobs(cluster, JSON.stringify(gaps));
      // Every tick has one fact: a run, or why there is none.
      const ticks = cluster.events.flatMap((event) =>
        event.type === 'JobDue' ? [event.data.passed + 1] : event.type === 'JobSkipped' ? [event.data.ticks] : [],
      );
      const expected = Math.floor((cluster.nowMs() - Date.UTC(2026, 0, 1)) / 20_000);
      assert.is(
        ticks.reduce((sum, count) => sum + count, 0),
        expected,
      );
      assertReplayEqualsLive(cluster);
    }),
    { numRuns: 60 },
  );
});

test.run();
