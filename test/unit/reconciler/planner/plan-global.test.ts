/** Global services on the simulated cluster: one container on every node that has room, as nodes come and go. */

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { explainContainer } from '../../../../src/history/explain/explain-container.ts';
import { type UpdatePolicy, updatePolicyDefault } from '../../../../src/model/policy.ts';
import type { ContainerSpec } from '../../../../src/model/service.ts';
import { decide } from '../../../../src/reconciler/commands/decide.ts';
import { createCountingLog } from '../../../support/log/simulated-log.ts';
import {
  change,
  clusterOf,
  nodesOf,
  ofType,
  planOn,
  request,
  rowOf,
} from '../../../support/simulation/given-cluster.ts';
import {
  assertReplayEqualsLive,
  nodeTimeoutMs,
  type SimulatedCluster,
} from '../../../support/simulation/simulated-cluster.ts';
import { specOf } from '../../../support/specs.ts';

const test = suite('plan: global services');
const context = { actor: 'person:test', requestId: 'request' };
const settings = { nodeTimeoutMs };

function apply(cluster: SimulatedCluster, container: ContainerSpec, update: Partial<UpdatePolicy> = {}): void {
  const policy = { mode: 'global', update: { ...updatePolicyDefault, minHealthySeconds: 1, ...update } } as const;
  const spec = { service: 'proxy', replicas: null, container, ...policy };
  const { events, expect } = decide(cluster.view, { kind: 'apply', specs: [spec] }, context, settings);
  assert.ok(cluster.append(events, expect));
}

function given(
  nodes: number,
  container: ContainerSpec = specOf('a'),
  update?: Partial<UpdatePolicy>,
): SimulatedCluster {
  const cluster = clusterOf(nodes, { startErrorRate: 0 });
  apply(cluster, container, update);
  cluster.advance(10_000);
  return cluster;
}

const workers = (...numbers: number[]) => numbers.map((number) => `worker-${number}`);

/** Node → slot of what runs. */
const slotsOf = ({ view }: SimulatedCluster): Record<string, number> =>
  Object.fromEntries(
    [...view.containers.values()]
      .filter(({ service, state }) => service === 'proxy' && state === 'running')
      .map(({ node, slot }) => [node, slot]),
  );

const standing = (cluster: SimulatedCluster) => {
  const { status, replicas, running } = rowOf(cluster, 'proxy');
  return [status, replicas, running];
};

const gigabytes = (count: number) => ({ resources: { memoryBytes: count * 2 ** 30, cpuMillis: null } });

test('every node has one, and a node that joins gets one', () => {
  const cluster = given(3);
  assert.equal(nodesOf(cluster, 'proxy'), workers(1, 2, 3));
  assert.equal(standing(cluster), ['converged', 3, 3]);
  const slots = slotsOf(cluster);
  assert.equal(Object.values(slots).toSorted(), [1, 2, 3]);
  cluster.addNode('worker-4');
  cluster.advance(5_000);
  assert.equal(slotsOf(cluster), { ...slots, 'worker-4': 4 });
  assert.equal(standing(cluster), ['converged', 4, 4]);
  const position = cluster.view.factPosition;
  cluster.advance(60_000);
  assert.is(cluster.view.factPosition, position, 'nothing moves any more');
  assertReplayEqualsLive(cluster);
});

test('a lost node is not replaced elsewhere, and gets its slot back when it returns', async () => {
  const cluster = given(4);
  const slots = slotsOf(cluster);
  cluster.crash('worker-2');
  cluster.advance(10_000);
  assert.equal(nodesOf(cluster, 'proxy'), workers(1, 3, 4));
  assert.equal(standing(cluster), ['converged', 3, 3]);
  cluster.bringBack('worker-2');
  cluster.advance(10_000);
  assert.equal(slotsOf(cluster), slots);
  assert.equal(standing(cluster), ['converged', 4, 4]);
  const placed = ofType(cluster, 'ContainerQueued').at(-1)!;
  const why = await explainContainer(createCountingLog(cluster.events), placed.data.container);
  assert.ok(
    why.chain.some(({ type }) => type === 'NodeReturned'),
    JSON.stringify(why.chain.map(({ type }) => type)),
  );
});

test('a drained node is left, and has it again when it is active; a cordoned one keeps it and gets no other', () => {
  const cluster = given(3);
  const slots = slotsOf(cluster);
  change(cluster, 'worker-1', 'drain');
  cluster.advance(5_000);
  assert.equal(nodesOf(cluster, 'proxy'), workers(2, 3));
  assert.is(ofType(cluster, 'ContainerStopRequested').at(-1)!.data.reason, 'node draining');
  assert.equal(standing(cluster), ['converged', 2, 2]);
  change(cluster, 'worker-1', 'activate');
  change(cluster, 'worker-2', 'cordon');
  cluster.advance(5_000);
  assert.equal(slotsOf(cluster), slots);
  const kept = [...cluster.view.containers.values()].find(
    ({ node, state }) => node === 'worker-2' && state === 'running',
  )!;
  cluster.killContainer('worker-2', kept.id);
  cluster.advance(10_000);
  assert.equal(nodesOf(cluster, 'proxy'), workers(1, 3));
  assert.equal(standing(cluster), ['converged', 2, 2]);
});

test('a removed node gives its slot to the next that joins', () => {
  const cluster = given(3);
  const { 'worker-2': slot, ...others } = slotsOf(cluster);
  cluster.crash('worker-2');
  cluster.advance(10_000);
  change(cluster, 'worker-2', 'remove');
  cluster.addNode('worker-4');
  cluster.advance(5_000);
  assert.equal(slotsOf(cluster), { ...others, 'worker-4': slot });
  assertReplayEqualsLive(cluster);
});

test('a node without room has none, which is said, and gets one when there is room', () => {
  const cluster = clusterOf(3, { startErrorRate: 0 });
  request(cluster, 'db', 1, specOf('db', gigabytes(6)));
  cluster.advance(5_000);
  const [full] = nodesOf(cluster, 'db');
  apply(cluster, specOf('a', gigabytes(4)));
  cluster.advance(10_000);
  assert.is(nodesOf(cluster, 'proxy').includes(full!), false);
  assert.equal(standing(cluster), ['converged', 2, 2]);
  const [blocked] = ofType(cluster, 'PlacementBlocked');
  assert.equal([blocked!.data.missing, blocked!.data.filtered[0]!.nodes], [1, [full]]);
  assert.match(blocked!.data.filtered[0]!.reason, /bytes of memory are free/);
  request(cluster, 'db', 0, specOf('db', gigabytes(6)));
  cluster.advance(10_000);
  assert.equal(nodesOf(cluster, 'proxy'), workers(1, 2, 3));
  assert.equal(standing(cluster), ['converged', 3, 3]);
});

test('where no node has room it is blocked, with the reason', () => {
  const cluster = given(2, specOf('a', gigabytes(100)));
  const { status, reason, replicas } = rowOf(cluster, 'proxy');
  assert.equal([status, replicas], ['blocked', 0]);
  assert.match(
    reason!,
    /^no node for 2 of 2 replicas: less than \d+ bytes of memory are free on the engine \(2 nodes\)$/,
  );
});

test('an update goes from node to node, with never two on one and no more down than it may', () => {
  const cluster = given(8, specOf('a'), { parallelism: { count: 2 } });
  apply(cluster, specOf('b'), { parallelism: { count: 2 } });
  let fewest = 8;
  for (let step = 0; step < 600; step += 1) {
    cluster.advance(100);
    fewest = Math.min(fewest, nodesOf(cluster, 'proxy').length);
    assert.ok([...cluster.view.services.get('proxy')!.perNode.values()].every((count) => count === 1));
  }
  assert.is(fewest, 6);
  assert.is(ofType(cluster, 'RolloutCompleted').length, 1);
  const images = [...cluster.view.containers.values()]
    .filter(({ state }) => state === 'running')
    .map(({ spec }) => spec.image);
  assert.equal(images, new Array(8).fill('b'));
  assert.equal(standing(cluster), ['converged', 8, 8]);
  const before = ofType(cluster, 'ContainerQueued')[0]!.data;
  assert.equal([before.candidates.length, before.filtered[0]!.reason], [1, 'its slot is for one node']);
});

test('a version that fails pauses, and a node that joins meanwhile gets the one before', () => {
  const cluster = clusterOf(4, { startErrorRate: 0, failingImage: 'broken' });
  apply(cluster, specOf('a'));
  cluster.advance(10_000);
  apply(cluster, specOf('broken'));
  cluster.advance(30_000);
  assert.is(rowOf(cluster, 'proxy').status, 'paused');
  cluster.addNode('worker-5');
  cluster.advance(10_000);
  const joined = [...cluster.view.containers.values()].find(
    ({ node, state }) => node === 'worker-5' && state === 'running',
  );
  assert.is(joined?.spec.image, 'a');
});

test('a removal stops all of them', () => {
  const cluster = given(3);
  const { events, expect } = decide(cluster.view, { kind: 'remove', service: 'proxy' }, context, settings);
  assert.ok(cluster.append(events, expect));
  cluster.advance(5_000);
  assert.equal([cluster.view.services.size, cluster.view.global.size], [0, 0]);
  assertReplayEqualsLive(cluster);
});

test('it follows its nodes wherever a leader stops between two appends', () => {
  const fault = fc.record({
    cut: fc.nat({ max: 3 }),
    node: fc.integer({ min: 1, max: 4 }),
    kind: fc.constantFrom('crash', 'back', 'drain', 'activate', 'cordon', 'kill', 'update', 'join'),
  });
  fc.assert(
    fc.property(fc.array(fault, { maxLength: 15 }), (faults) => {
      const cluster = given(4);
      for (const { cut, node, kind } of faults) {
        const id = `worker-${node}`;
        if (kind === 'crash') cluster.crash(id);
        else if (kind === 'back') cluster.bringBack(id);
        else if (kind === 'update') apply(cluster, specOf(cluster.pick(['a', 'b'])));
        else if (kind === 'kill')
          for (const container of cluster.nodes.get(id)!.running.keys()) cluster.killContainer(id, container);
        else if (kind === 'join') cluster.nodes.has('worker-9') || cluster.addNode('worker-9');
        else change(cluster, id, kind);
        cluster.pause(2_000);
        const work = { services: new Set(['proxy']), nodes: new Set<string>() };
        for (const { event, expect } of planOn(cluster.view, work, cluster.nowMs()).slice(0, cut)) {
          cluster.write([event], expect);
        }
        cluster.advance(4_000);
      }
      for (const number of [1, 2, 3, 4]) {
        cluster.bringBack(`worker-${number}`);
        change(cluster, `worker-${number}`, 'activate');
      }
      for (let round = 0; round < 3; round += 1) {
        if (cluster.view.services.get('proxy')!.rollout?.state === 'paused') {
          const steer = { kind: 'rollout', service: 'proxy', action: 'resume' } as const;
          const { events, expect } = decide(cluster.view, steer, context, settings);
          assert.ok(cluster.append(events, expect));
        }
        cluster.advance(90_000);
      }
      // What failed three times within ten minutes is said for as long.
      cluster.advance(600_000);
      assert.equal(nodesOf(cluster, 'proxy'), [...cluster.view.nodes.keys()].toSorted());
      assert.equal(standing(cluster), ['converged', cluster.view.nodes.size, cluster.view.nodes.size]);
      assertReplayEqualsLive(cluster);
    }),
    { numRuns: 40 },
  );
});

test.run();
