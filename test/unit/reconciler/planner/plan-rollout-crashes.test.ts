/**
 * Rollouts whose leaders die between two appends: of what one planned only the first steps are in the log, and the next one
 * decides from there.
 */

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AppError } from '../../../../src/errors.ts';
import { type UpdatePolicy, updatePolicyDefault } from '../../../../src/model/policy.ts';
import { servesAt } from '../../../../src/projections/view/rollouts.ts';
import { type ApiRequest, decide } from '../../../../src/reconciler/commands/decide.ts';
import { parallelismOf } from '../../../../src/reconciler/planner/slot-buckets.ts';
import type { Step } from '../../../../src/reconciler/planner/step.ts';
import { groupSteps } from '../../../../src/reconciler/planner/step-groups.ts';
import { clusterOf, ofType, planOn, rowOf } from '../../../support/simulation/given-cluster.ts';
import {
  assertReplayEqualsLive,
  nodeTimeoutMs,
  type SimulatedCluster,
} from '../../../support/simulation/simulated-cluster.ts';
import { specOf } from '../../../support/specs.ts';

const test = suite('plan: rollouts whose leaders die');
const context = { actor: 'person:test', requestId: 'request' };

const webOf = ({ view }: SimulatedCluster) => view.services.get('web')!;

/** It is in the log, and the leader died before it looked. @returns false: it was refused, as the rollout is not where it was */
function ask(cluster: SimulatedCluster, request: ApiRequest): boolean {
  try {
    const { events, expect } = decide(cluster.view, request, context, { nodeTimeoutMs });
    assert.ok(cluster.write(events, expect));
    return true;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return false;
  }
}

function release(cluster: SimulatedCluster, replicas: number, image: string, update: Partial<UpdatePolicy>): void {
  const spec = { service: 'web', replicas, container: specOf(image), update: { ...updatePolicyDefault, ...update } };
  assert.ok(ask(cluster, { kind: 'apply', specs: [spec] }));
}

/** Each step by itself, as if the log held no more; only what is never apart is together. See step-groups.ts. */
function appendsOf(steps: readonly Step[]): Step[][] {
  const appends: Step[][] = [];
  for (const step of groupSteps(steps).flat()) {
    const last = appends.at(-1);
    if (last?.at(-1)?.event.type === 'RolloutFailed') last.push(step);
    else appends.push([step]);
  }
  return appends;
}

/** A leader that gets to append no more than this of what it planned. @returns how many were left */
function diesAfter(cluster: SimulatedCluster, count: number): number {
  const work = { services: new Set(['web']), nodes: new Set<string>() };
  const appends = appendsOf(planOn(cluster.view, work, cluster.nowMs()));
  for (const steps of appends.slice(0, count)) {
    cluster.write(
      steps.map(({ event }) => event),
      steps.flatMap(({ expect }) => expect),
    );
  }
  return Math.max(0, appends.length - count);
}

function started(replicas: number, update: Partial<UpdatePolicy>): SimulatedCluster {
  const cluster = clusterOf(3, { failingImage: 'broken', startErrorRate: 0 });
  release(cluster, replicas, 'a', update);
  cluster.advance(30_000);
  assert.is(rowOf(cluster, 'web').status, 'converged');
  return cluster;
}

/** Lets time pass, and looks at each step that no fewer serve than the policy allows. */
function createWatch(cluster: SimulatedCluster, replicas: number): (pass: (ms: number) => void, forMs: number) => void {
  const down = webOf(cluster).policy.update?.order === 'stop-first' ? parallelismOf(webOf(cluster)) : 0;
  return (pass, forMs) => {
    for (let passedMs = 0; passedMs < forMs; passedMs += 250) {
      pass(250);
      const serving = countServing(cluster);
      assert.ok(serving >= replicas - down, `${serving} of ${replicas} served:\n${cluster.tail()}`);
    }
  };
}

const countServing = (cluster: SimulatedCluster): number =>
  [...cluster.view.containers.values()].filter((container) => servesAt(webOf(cluster), container, cluster.nowMs()))
    .length;

const imagesOf = ({ view }: SimulatedCluster): string[] =>
  [...view.containers.values()].filter(({ state }) => state === 'running').map(({ spec }) => spec.image);

/** A version that works is everywhere; one that does not is paused, or left again, and takes nothing down. */
function assertEnded(cluster: SimulatedCluster, replicas: number): void {
  const { spec, rollout } = webOf(cluster);
  assert.is(countServing(cluster), replicas, cluster.tail());
  const { status } = rowOf(cluster, 'web');
  assert.not(imagesOf(cluster).includes('broken'));
  if (spec.image === 'broken') assert.equal([status, rollout?.pause], ['paused', 'failures']);
  // A person gave up the way back, too: what serves stays as it is.
  else if (rollout?.state === 'failed') assert.is(status, 'paused');
  else {
    assert.is(status, 'converged', cluster.tail());
    assert.equal(imagesOf(cluster), new Array(replicas).fill(spec.image));
  }
  assertReplayEqualsLive(cluster);
}

for (const [image, order, outcome] of [
  ['b', 'start-first', 'RolloutCompleted'],
  ['b', 'stop-first', 'RolloutCompleted'],
  ['broken', 'start-first', 'RolloutPaused'],
  ['broken', 'stop-first', 'RolloutPaused'],
] as const) {
  test(`${order}, a version "${image}": with a leader for each single append it ends in one ${outcome}`, () => {
    const update = { order, parallelism: { count: 2 }, minHealthySeconds: 2 };
    const cluster = started(6, update);
    const watch = createWatch(cluster, 6);
    release(cluster, 6, image, update);
    let cutShort = 0;
    for (let leader = 0; leader < 300; leader += 1) {
      if (diesAfter(cluster, 1) > 0) cutShort += 1;
      watch(cluster.pause, 250);
    }
    assert.ok(cutShort >= 2, `${cutShort} plans were cut short`);
    assert.equal([ofType(cluster, 'RolloutStarted').length, ofType(cluster, outcome).length], [1, 1]);
    assertEnded(cluster, 6);
    const { position } = cluster.view;
    cluster.advance(30_000);
    assert.is(cluster.view.position, position, 'a leader that lives has nothing left to do');
  });
}

const policies = fc.record({
  order: fc.constantFrom('auto' as const, 'start-first' as const, 'stop-first' as const),
  parallelism: fc.record({ count: fc.integer({ min: 1, max: 4 }) }),
  // With 0 a container serves for the instant it runs.
  minHealthySeconds: fc.integer({ min: 1, max: 6 }),
  maxFailures: fc.record({ count: fc.integer({ min: 0, max: 2 }) }),
  onFailure: fc.constantFrom('pause' as const, 'rollback' as const),
  canary: fc.constantFrom(0, 0, 1, 2),
});

const moves = fc.array(
  fc.record({
    ask: fc.constantFrom('nothing', 'nothing', 'pause', 'resume', 'promote', 'abort', 'rollback', 'b', 'c', 'broken'),
    /** Appends of the leader that dies. */
    appends: fc.nat({ max: 6 }),
    leaderlessMs: fc.integer({ min: 0, max: 6_000 }),
    ledMs: fc.integer({ min: 0, max: 8_000 }),
  }),
  { minLength: 1, maxLength: 10 },
);

test('wherever leaders die, whatever is asked meanwhile, it ends as it should and no fewer serve than the policy allows', () => {
  let cutShort = 0;
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 7 }), policies, fc.constantFrom('b', 'broken'), moves, (...given) => {
      const [replicas, update, image, story] = given;
      const cluster = started(replicas, update);
      const watch = createWatch(cluster, replicas);
      release(cluster, replicas, image, update);
      for (const { ask: asked, appends, leaderlessMs, ledMs } of story) {
        if (asked === 'b' || asked === 'c' || asked === 'broken') release(cluster, replicas, asked, update);
        else if (asked === 'rollback') {
          const to = { generation: 1, spec: specOf('a'), policy: webOf(cluster).policy };
          ask(cluster, { kind: 'rollback', service: 'web', to });
        } else if (asked !== 'nothing') ask(cluster, { kind: 'rollout', service: 'web', action: asked });
        if (diesAfter(cluster, appends) > 0) cutShort += 1;
        watch(cluster.pause, leaderlessMs);
        if (diesAfter(cluster, appends) > 0) cutShort += 1;
        watch(cluster.advance, ledMs);
      }
      // What waits for people goes on; a version that fails stays paused, after pauses of a minute between its attempts.
      for (let round = 0; round < 3; round += 1) {
        watch(cluster.advance, 120_000);
        const { pause = null } = webOf(cluster).rollout ?? {};
        if (pause === 'requested' || pause === 'canary') {
          ask(cluster, { kind: 'rollout', service: 'web', action: 'promote' });
        }
        watch(cluster.advance, 120_000);
      }
      assertEnded(cluster, replicas);
    }),
    { numRuns: 60 },
  );
  assert.ok(cutShort > 10, `${cutShort} plans were cut short`);
});

test.run();
