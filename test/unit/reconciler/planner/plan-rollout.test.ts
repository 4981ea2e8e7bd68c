/** Rollouts on the simulated cluster: a bad version takes nothing down, pauses in words, and is left again. */

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type UpdatePolicy, updatePolicyDefault } from '../../../../src/model/policy.ts';
import type { ContainerSpec } from '../../../../src/model/service.ts';
import { servesAt } from '../../../../src/projections/view/rollouts.ts';
import { decide } from '../../../../src/reconciler/commands/decide.ts';
import type { RolloutAction } from '../../../../src/reconciler/commands/decide-release.ts';
import { clusterOf, ofType, rowOf } from '../../../support/simulation/given-cluster.ts';
import { nodeTimeoutMs, type SimulatedCluster } from '../../../support/simulation/simulated-cluster.ts';
import { specOf } from '../../../support/specs.ts';

const test = suite('plan: rollouts');
const context = { actor: 'person:test', requestId: 'request' };
const settings = { nodeTimeoutMs };

function apply(
  cluster: SimulatedCluster,
  replicas: number,
  container: ContainerSpec,
  update: Partial<UpdatePolicy> = {},
): void {
  const spec = { service: 'web', replicas, container, update: { ...updatePolicyDefault, ...update } };
  const { events, expect } = decide(cluster.view, { kind: 'apply', specs: [spec] }, context, settings);
  assert.ok(cluster.append(events, expect));
}

function steer(cluster: SimulatedCluster, action: RolloutAction): void {
  const request = { kind: 'rollout', service: 'web', action } as const;
  const { events, expect } = decide(cluster.view, request, context, settings);
  assert.ok(cluster.append(events, expect));
}

const serving = ({ view, nowMs }: SimulatedCluster): number => {
  const service = view.services.get('web')!;
  return [...view.containers.values()].filter((container) => servesAt(service, container, nowMs())).length;
};

/** The least number that served at any look. */
function fewestServing(cluster: SimulatedCluster, forMs: number, stepMs = 100): number {
  let fewest = Number.POSITIVE_INFINITY;
  for (let passedMs = 0; passedMs < forMs; passedMs += stepMs) {
    cluster.advance(stepMs);
    fewest = Math.min(fewest, serving(cluster));
  }
  return fewest;
}

const imagesOf = (cluster: SimulatedCluster) =>
  [...cluster.view.containers.values()]
    .filter(({ state }) => state === 'running')
    .map(({ spec }) => spec.image)
    .toSorted();

const started = (nodes: number, replicas: number, update?: Partial<UpdatePolicy>) => {
  const cluster = clusterOf(nodes, { failingImage: 'broken' });
  apply(cluster, replicas, specOf('a'), update);
  cluster.advance(20_000);
  return cluster;
};

test('a version that does not start leaves all replicas serving and is paused within 5 s, in words', () => {
  const cluster = started(4, 8);
  const since = cluster.nowMs();
  apply(cluster, 8, specOf('broken'));
  assert.is(fewestServing(cluster, 120_000), 8);
  const [paused, ...others] = ofType(cluster, 'RolloutPaused');
  assert.is(others.length, 0);
  assert.ok(Date.parse(paused!.at) - since < 5_000, paused!.at);
  assert.is(paused!.data.why, 'failures');
  const { status, reason, rollout } = rowOf(cluster, 'web');
  assert.is(status, 'paused');
  assert.match(
    reason!,
    /^the rollout of generation 2 is paused: 2 containers .* as the test asked; 8 of 8 replicas running$/,
  );
  assert.equal([rollout?.state, rollout?.updated, rollout?.failed], ['paused', 0, 2]);
  const position = cluster.view.position;
  cluster.advance(60_000);
  assert.is(cluster.view.position, position, 'nothing is tried any more');
});

test('a version that works replaces all, one step after the other, and is then what converged', () => {
  const cluster = started(4, 8);
  apply(cluster, 8, specOf('b'));
  assert.ok(fewestServing(cluster, 60_000) >= 8);
  assert.is(ofType(cluster, 'RolloutStarted').length, 1);
  assert.is(ofType(cluster, 'RolloutCompleted').length, 1);
  assert.is(rowOf(cluster, 'web').status, 'converged');
  assert.is(cluster.view.services.get('web')!.settled?.generation, 2);
});

test('while it is paused a lost replica comes back by the version before', () => {
  const cluster = started(4, 8);
  apply(cluster, 8, specOf('broken'));
  cluster.advance(10_000);
  cluster.crash('worker-2');
  cluster.advance(30_000);
  assert.equal(imagesOf(cluster), new Array(8).fill(specOf('a').image));
  assert.is(rowOf(cluster, 'web').status, 'paused');
});

test('with onFailure rollback the version before is requested again, with the failure as its cause', () => {
  const cluster = started(4, 8, { onFailure: 'rollback' });
  apply(cluster, 8, specOf('broken'), { onFailure: 'rollback' });
  assert.is(fewestServing(cluster, 60_000), 8);
  const request = ofType(cluster, 'ServiceRequested').at(-1)!;
  assert.equal([request.data.generation, request.data.rollbackTo, request.meta.actor], [3, 1, 'controller']);
  const cause = cluster.events.find(({ meta }) => meta.eventId === request.meta.causationId)!;
  assert.is(cause.type, 'ContainerFailed');
  assert.is(ofType(cluster, 'RolloutFailed').length, 1);
  assert.is(rowOf(cluster, 'web').status, 'converged');
});

test('a rollback that fails as well pauses: nothing goes back and forth', () => {
  const cluster = clusterOf(3, { failingImage: 'broken' });
  apply(cluster, 4, specOf('a'), { onFailure: 'rollback' });
  cluster.advance(20_000);
  apply(cluster, 4, specOf('b'), { onFailure: 'rollback' });
  cluster.advance(60_000);
  const { settled } = cluster.view.services.get('web')!;
  assert.is(settled?.generation, 2);
  const to = {
    generation: 1,
    spec: specOf('broken'),
    policy: { update: { ...updatePolicyDefault, onFailure: 'rollback' as const } },
  };
  const { events, expect } = decide(cluster.view, { kind: 'rollback', service: 'web', to }, context, settings);
  cluster.append(events, expect);
  cluster.advance(60_000);
  assert.is(rowOf(cluster, 'web').status, 'paused');
  assert.is(ofType(cluster, 'RolloutFailed').length, 0);
});

test('canaries wait to be promoted', () => {
  const cluster = started(3, 6, { canary: 2 });
  apply(cluster, 6, specOf('b'), { canary: 2 });
  cluster.advance(60_000);
  assert.is(imagesOf(cluster).filter((image) => image === specOf('b').image).length, 2);
  const { status, reason } = rowOf(cluster, 'web');
  assert.is(status, 'paused');
  assert.match(reason!, /2 of 6 replicas serve generation 2 as canaries: promote it or roll it back/);
  steer(cluster, 'promote');
  cluster.advance(60_000);
  assert.equal(imagesOf(cluster), new Array(6).fill(specOf('b').image));
  assert.is(rowOf(cluster, 'web').status, 'converged');
});

test('an aborted rollout goes back to what converged', () => {
  const cluster = started(3, 6, { canary: 2 });
  apply(cluster, 6, specOf('b'), { canary: 2 });
  cluster.advance(30_000);
  steer(cluster, 'abort');
  cluster.advance(60_000);
  assert.equal(imagesOf(cluster), new Array(6).fill(specOf('a').image));
  assert.is(ofType(cluster, 'ServiceRequested').at(-1)!.data.rollbackTo, 1);
});

test('paused by a person it replaces nothing more until it is resumed', () => {
  const cluster = started(4, 8);
  apply(cluster, 8, specOf('b'));
  cluster.advance(7_000);
  steer(cluster, 'pause');
  cluster.advance(30_000);
  const updated = imagesOf(cluster).filter((image) => image === specOf('b').image).length;
  assert.ok(updated > 0 && updated < 8, String(updated));
  assert.is(serving(cluster), 8);
  steer(cluster, 'resume');
  cluster.advance(60_000);
  assert.equal(imagesOf(cluster), new Array(8).fill(specOf('b').image));
});

test('a rollout without progress pauses after its deadline', () => {
  const cluster = started(2, 2);
  const full = specOf('b', { resources: { memoryBytes: 2 ** 40, cpuMillis: null } });
  apply(cluster, 2, full, { progressDeadlineSeconds: 30 });
  cluster.advance(29_000);
  assert.is(ofType(cluster, 'RolloutPaused').length, 0);
  cluster.advance(10_000);
  assert.is(ofType(cluster, 'RolloutPaused')[0]?.data.why, 'no progress');
  assert.is(serving(cluster), 2);
});

test('a version requested while the one before comes up takes down no more than one that came alone', () => {
  const update = { order: 'stop-first', parallelism: { count: 1 }, minHealthySeconds: 3 } as const;
  const cluster = started(3, 3, update);
  for (const [image, afterMs] of [
    ['b', 4_500],
    ['c', 2_500],
    ['d', 60_000],
  ] as const) {
    apply(cluster, 3, specOf(image), update);
    const fewest = fewestServing(cluster, afterMs);
    assert.ok(fewest >= 2, `${fewest} of 3 served`);
  }
  assert.equal(imagesOf(cluster), ['d', 'd', 'd']);
});

test('a changed policy alone replaces nothing', () => {
  const cluster = started(2, 3);
  const queued = ofType(cluster, 'ContainerQueued').length;
  apply(cluster, 3, specOf('a'), { parallelism: { count: 2 } });
  cluster.advance(30_000);
  assert.is(ofType(cluster, 'ContainerQueued').length, queued);
  assert.is(rowOf(cluster, 'web').generation, 2);
  assert.is(rowOf(cluster, 'web').status, 'converged');
});

test('replicas are replaced no faster than the delay allows', () => {
  const cluster = started(2, 3);
  apply(cluster, 3, specOf('b'), { delaySeconds: 20, parallelism: { count: 1 } });
  cluster.advance(90_000);
  const times = ofType(cluster, 'ContainerQueued')
    .slice(-3)
    .map(({ at }) => Date.parse(at));
  for (const [index, at] of times.entries()) {
    if (index > 0) assert.ok(at - times[index - 1]! >= 20_000, times.join());
  }
  assert.is(rowOf(cluster, 'web').status, 'converged');
});

const policies = fc.record({
  order: fc.constantFrom('auto' as const, 'start-first' as const, 'stop-first' as const),
  parallelism: fc.oneof(
    fc.record({ count: fc.integer({ min: 0, max: 5 }) }),
    fc.record({ percent: fc.integer({ min: 0, max: 100 }) }),
  ),
  // With 0 a container serves for the instant it runs.
  minHealthySeconds: fc.integer({ min: 1, max: 8 }),
  maxFailures: fc.record({ count: fc.integer({ min: 0, max: 3 }) }),
  onFailure: fc.constantFrom('pause' as const, 'rollback' as const, 'continue' as const),
  delaySeconds: fc.constantFrom(0, 2),
});

test('whatever the policy and the version, no more are down for an update than it allows', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), policies, fc.constantFrom('b', 'broken'), (replicas, policy, image) => {
      const cluster = started(3, replicas, policy);
      const parallelism =
        'count' in policy.parallelism
          ? policy.parallelism.count
          : Math.floor((replicas * policy.parallelism.percent) / 100);
      const down = policy.order === 'stop-first' ? Math.max(1, parallelism) : 0;
      apply(cluster, replicas, specOf(image), policy);
      const fewest = fewestServing(cluster, 60_000, 250);
      assert.ok(fewest >= replicas - down, `${fewest} of ${replicas} served`);
    }),
    { numRuns: 60 },
  );
});

test.run();
