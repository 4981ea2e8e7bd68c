/** Jobs on the simulated cluster: how a run begins, is tried again, and ends. */

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type JobPolicy, jobPolicyDefault } from '../../../../src/model/job.ts';
import { runRows } from '../../../../src/projections/rows/job-status.ts';
import { decide } from '../../../../src/reconciler/commands/decide.ts';
import { change, clusterOf, ofType, planOn, rowOf } from '../../../support/simulation/given-cluster.ts';
import {
  assertReplayEqualsLive,
  nodeTimeoutMs,
  type SimulatedCluster,
  type SimulationOptions,
} from '../../../support/simulation/simulated-cluster.ts';
import { specOf } from '../../../support/specs.ts';

const test = suite('plan: jobs');
const context = { actor: 'person:test', requestId: 'request' };
const settings = { nodeTimeoutMs };

function apply(cluster: SimulatedCluster, job: Partial<JobPolicy> = {}, image = 'migrate'): void {
  const policy = { mode: 'job', job: { ...jobPolicyDefault, ...job } } as const;
  const spec = { service: 'migrate', replicas: null, container: specOf(image), ...policy };
  const { events, expect } = decide(cluster.view, { kind: 'apply', specs: [spec] }, context, settings);
  assert.ok(cluster.append(events, expect));
}

/** Every container ends after a second: with 0, or as the image says. */
const endsSoon: SimulationOptions['ends'] = ({ image }) =>
  image === 'endless' ? null : { afterMs: 1_000, exitCode: image === 'broken' ? 1 : 0 };

const given = (nodes: number, options: SimulationOptions = {}) =>
  clusterOf(nodes, { startErrorRate: 0, ends: endsSoon, ...options });

const runsOf = ({ view }: SimulatedCluster) => runRows(view.services.get('migrate')!.job!);

const liveOf = ({ view }: SimulatedCluster) => view.services.get('migrate')!.live;

test('each completion is one container that ended with 0, no more at once than allowed, and then nothing moves', () => {
  const cluster = given(3);
  apply(cluster, { completions: 5, parallelism: 2 });
  let most = 0;
  for (let step = 0; step < 300; step += 1) {
    cluster.advance(50);
    most = Math.max(most, liveOf(cluster));
  }
  assert.is(most, 2);
  assert.equal(
    ofType(cluster, 'ContainerCompleted')
      .map(({ data }) => data.slot)
      .toSorted(),
    [1, 2, 3, 4, 5],
  );
  assert.is(ofType(cluster, 'JobDue').length, 1);
  assert.equal(ofType(cluster, 'JobCompleted')[0]!.data.completions, 5);
  const { status, reason, replicas, running } = rowOf(cluster, 'migrate');
  assert.equal([status, reason, replicas, running], ['completed', null, 0, 0]);
  const position = cluster.view.factPosition;
  cluster.advance(60_000);
  assert.is(cluster.view.factPosition, position);
  assertReplayEqualsLive(cluster);
});

test('while it goes on it says how far it is', () => {
  const cluster = given(1, { ends: () => null });
  apply(cluster, { completions: 2 });
  cluster.advance(3_000);
  const { status, reason, replicas } = rowOf(cluster, 'migrate');
  assert.equal([status, replicas], ['progressing', 1]);
  assert.is(reason, 'run 1: 0 of 2 complete, 1 running on worker-1');
});

test('one that fails is tried again with a delay, and after its last attempt the run has failed, in words', () => {
  const cluster = given(2);
  apply(cluster, { completions: 2, parallelism: 2, maxAttempts: 3 }, 'broken');
  cluster.advance(60_000);
  const [failed, ...others] = ofType(cluster, 'JobFailed');
  assert.is(others.length, 0);
  assert.is(failed!.data.why, 'attempts');
  assert.match(failed!.data.reason, /^migrate\.\d failed 3 times, the last time: exited: as the test asked$/);
  assert.ok(ofType(cluster, 'RestartDelayed').length >= 1, 'from the second failure on it waits');
  const attempts = ofType(cluster, 'ContainerQueued').filter(({ data }) => data.slot === 1).length;
  assert.ok(attempts <= 3, `${attempts} attempts`);
  assert.is(liveOf(cluster), 0);
  const { status, reason } = rowOf(cluster, 'migrate');
  assert.is(status, 'degraded');
  assert.is(reason, `run 1 failed: ${failed!.data.reason}`);
  const position = cluster.view.factPosition;
  cluster.advance(120_000);
  assert.is(cluster.view.factPosition, position, 'nothing is tried any more');
});

test('a run that takes too long is stopped, and has failed', () => {
  const cluster = given(1);
  apply(cluster, { timeoutSeconds: 10 }, 'endless');
  cluster.advance(20_000);
  const [failed] = ofType(cluster, 'JobFailed');
  assert.is(failed!.data.why, 'timed out');
  const due = ofType(cluster, 'JobDue')[0]!;
  assert.ok(Date.parse(failed!.at) - Date.parse(due.at) < 10_500);
  const [stop] = ofType(cluster, 'ContainerStopRequested');
  assert.is(stop!.data.reason, 'job timed out');
  assert.is(stop!.meta.causationId, failed!.meta.eventId);
  assert.is(liveOf(cluster), 0);
  assert.match(rowOf(cluster, 'migrate').reason!, /^run 1 failed: it took longer than 10 s: 0 of 1 containers had/);
});

test('a lost node and a drain cost no attempt', () => {
  const cluster = given(3, { ends: ({ slot }) => (slot === 1 ? { afterMs: 40_000, exitCode: 0 } : null) });
  apply(cluster, { maxAttempts: 1 });
  cluster.advance(3_000);
  const nodeNow = () => [...cluster.view.containers.values()].find(({ state }) => state === 'running')!.node;
  const first = nodeNow();
  cluster.crash(first);
  cluster.advance(10_000);
  const second = nodeNow();
  assert.is.not(second, first);
  change(cluster, second, 'drain');
  cluster.advance(60_000);
  assert.equal(
    runsOf(cluster).map(({ outcome, succeeded }) => [outcome, succeeded]),
    [['completed', 1]],
  );
});

test('a changed spec begins another run in the same slots and stops the one before', () => {
  const cluster = given(2);
  apply(cluster, { completions: 2, parallelism: 2 }, 'endless');
  cluster.advance(5_000);
  apply(cluster, { completions: 2, parallelism: 2 });
  cluster.advance(10_000);
  const stops = ofType(cluster, 'ContainerStopRequested');
  assert.equal(
    stops.map(({ data }) => data.reason),
    ['replaced', 'replaced'],
  );
  assert.equal(
    runsOf(cluster).map(({ run, outcome, generation }) => [run, outcome, generation]),
    [
      [2, 'completed', 2],
      [1, 'replaced', 1],
    ],
  );
  assert.is(rowOf(cluster, 'migrate').status, 'completed');
  const ids = ofType(cluster, 'ContainerQueued').map(({ data }) => data.container);
  assert.is(new Set(ids).size, 4);
});

test('a request that changes nothing begins no run, a restart does; the last ten are kept', () => {
  const cluster = given(1);
  apply(cluster);
  cluster.advance(5_000);
  apply(cluster);
  cluster.advance(5_000);
  assert.is(runsOf(cluster).length, 1);
  for (let time = 0; time < 11; time += 1) {
    const { events, expect } = decide(cluster.view, { kind: 'restart', service: 'migrate' }, context, settings);
    assert.ok(cluster.append(events, expect));
    cluster.advance(5_000);
  }
  const runs = runsOf(cluster);
  assert.equal(
    runs.map(({ run }) => run),
    [12, 11, 10, 9, 8, 7, 6, 5, 4, 3],
  );
  assert.ok(runs.every(({ outcome }) => outcome === 'completed'));
});

test('a removal stops what runs and leaves nothing', () => {
  const cluster = given(2);
  apply(cluster, { completions: 2, parallelism: 2 }, 'endless');
  cluster.advance(5_000);
  const { events, expect } = decide(cluster.view, { kind: 'remove', service: 'migrate' }, context, settings);
  assert.ok(cluster.append(events, expect));
  cluster.advance(5_000);
  assert.is(cluster.view.services.size, 0);
  assert.is(cluster.view.jobs.size, 0);
  assertReplayEqualsLive(cluster);
});

test('the mode of a service does not change, nor has a job replicas', () => {
  const cluster = given(1);
  apply(cluster);
  const spec = { service: 'migrate', replicas: 1, container: specOf('migrate') };
  const requests = [
    [
      { kind: 'apply', specs: [spec] },
      /^services\[0\]\.mode cannot become replicated: migrate is job; remove it first$/,
    ],
    [{ kind: 'patch', service: 'migrate', replicas: 2 }, /^replicas cannot be set: migrate is job$/],
  ] as const;
  for (const [request, message] of requests) {
    assert.throws(() => decide(cluster.view, request, context, settings), message);
  }
});

test('planning twice without a change gives nothing the second time, wherever a leader stops', () => {
  // What a leader that dies between any two appends leaves: only the first steps of each plan are written.
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 3 }), { maxLength: 40 }), fc.nat({ max: 2 }), (cuts, broken) => {
      const cluster = given(2, {
        ends: ({ slot }) => ({ afterMs: 500, exitCode: slot <= broken ? 1 : 0 }),
      });
      apply(cluster, { completions: 4, parallelism: 2, maxAttempts: 2 });
      for (const cut of cuts) {
        const nowMs = cluster.nowMs();
        const work = { services: new Set(['migrate']), nodes: new Set<string>() };
        const steps = planOn(cluster.view, work, nowMs).slice(0, cut);
        for (const { event, expect } of steps) cluster.write([event], expect);
        cluster.advance(700);
      }
      cluster.advance(60_000);
      assert.equal(
        runsOf(cluster).map(({ outcome, succeeded }) => [outcome, outcome === 'completed' ? succeeded : 0]),
        [broken > 0 ? ['failed', 0] : ['completed', 4]],
      );
      assert.is(ofType(cluster, 'JobDue').length, 1);
      assert.is(ofType(cluster, 'JobCompleted').length + ofType(cluster, 'JobFailed').length, 1);
      const work = { services: new Set(['migrate']), nodes: new Set<string>() };
      assert.equal(planOn(cluster.view, work, cluster.nowMs()), []);
      assertReplayEqualsLive(cluster);
    }),
    { numRuns: 60 },
  );
});

test.run();
