/** What the planner decides, as scenes on the simulated cluster. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { streams } from '../../../../src/events/schema/event.ts';
import { describeStep } from '../../../../src/reconciler/planner/step.ts';
import { clusterOf, nodesOf, ofType, planOn, request } from '../../../support/simulation/given-cluster.ts';
import { specOf } from '../../../support/specs.ts';

const test = suite('plan');
const meta = { actor: 'person:test', causationId: null };

test('replicas spread over the nodes with the fewest of the service, then the fewest containers', () => {
  const cluster = clusterOf(3);
  request(cluster, 'one', 1, specOf('a'));
  request(cluster, 'web', 5, specOf('a'));
  cluster.advance(5_000);
  const [busy] = nodesOf(cluster, 'one');
  const counts = ['worker-1', 'worker-2', 'worker-3'].map(
    (id) => nodesOf(cluster, 'web').filter((n) => n === id).length,
  );
  assert.equal(counts.toSorted(), [1, 2, 2]);
  assert.is(nodesOf(cluster, 'web').filter((node) => node === busy).length, 1, 'the busy node gets the fewest');
  const [queued] = ofType(cluster, 'ContainerQueued').slice(-1) as { data: { candidates: unknown[] } }[];
  assert.ok(queued!.data.candidates.length > 0, 'the decision is explained');
});

test('planning again without a change gives nothing', () => {
  const cluster = clusterOf(3);
  request(cluster, 'web', 5, specOf('a'));
  cluster.advance(5_000);
  const everything = { services: new Set(cluster.view.services.keys()), nodes: new Set(cluster.view.nodes.keys()) };
  const steps = planOn(cluster.view, everything, cluster.nowMs());
  assert.equal(steps.map(describeStep), []);
});

test('a service too large is blocked, says which filters refused how many nodes, once, and goes on when there is room', () => {
  const cluster = clusterOf(2);
  request(cluster, 'big', 3, specOf('a', { resources: { memoryBytes: 5 * 2 ** 30, cpuMillis: null } }));
  cluster.advance(30_000);
  assert.is(nodesOf(cluster, 'big').length, 2);
  const blocked = ofType(cluster, 'PlacementBlocked');
  assert.is(blocked.length, 1, 'written when its reasons change, not at each look');
  const { missing, filtered } = blocked[0]!.data as {
    missing: number;
    filtered: { filter: string; nodes: string[] }[];
  };
  assert.is(missing, 1);
  assert.equal(
    filtered.map(({ filter }) => filter),
    ['memory'],
  );
  assert.equal(filtered[0]!.nodes.toSorted(), ['worker-1', 'worker-2']);
  cluster.addNode('worker-3');
  cluster.advance(5_000);
  assert.equal(nodesOf(cluster, 'big'), ['worker-1', 'worker-2', 'worker-3']);
  assert.is(cluster.view.services.get('big')!.blocked, null);
});

test('a host port is given once an engine, and a new image takes it over without a conflict', () => {
  const cluster = clusterOf(2);
  const ports = [{ container: 80, host: 8080, protocol: 'tcp' as const }];
  request(cluster, 'edge', 3, specOf('a', { ports }));
  cluster.advance(5_000);
  assert.equal(nodesOf(cluster, 'edge'), ['worker-1', 'worker-2']);
  request(cluster, 'edge', 2, specOf('b', { ports }));
  cluster.advance(20_000);
  assert.equal(nodesOf(cluster, 'edge'), ['worker-1', 'worker-2']);
  assert.is(cluster.view.services.get('edge')!.runningCurrent, 2);
  assert.is(ofType(cluster, 'PlacementBlocked').length, 1, 'the takeover itself never blocks');
});

test('a container that dies is replaced at once the first time, then waits longer and longer', () => {
  const cluster = clusterOf(1, { failingImage: 'broken' });
  request(cluster, 'web', 1, specOf('broken'));
  cluster.advance(60_000);
  const delays = ofType(cluster, 'RestartDelayed').map((event) => (event.data as { delayMs: number }).delayMs);
  const failures = ofType(cluster, 'ContainerFailed').length;
  assert.is(failures, delays.length + 1, 'every failure but the first is followed by a delay');
  for (let index = 1; index < delays.length; index += 1) assert.ok(delays[index]! > delays[index - 1]! * 1.5);
  assert.ok(failures >= 5 && failures <= 8, `${failures} failures in a minute`);
});

test('an image that does not start replaces one quarter at most, and the rest goes on serving', () => {
  const cluster = clusterOf(3, { failingImage: 'broken' });
  request(cluster, 'web', 8, specOf('good'));
  cluster.advance(10_000);
  request(cluster, 'web', 8, specOf('broken'));
  cluster.advance(60_000);
  assert.is(nodesOf(cluster, 'web').length, 8);
  request(cluster, 'web', 8, specOf('good'));
  cluster.advance(20_000);
  assert.is(cluster.view.services.get('web')!.runningCurrent, 8);
});

test('a node that falls silent is lost with its containers in one append, and they run elsewhere', () => {
  const cluster = clusterOf(3);
  request(cluster, 'web', 6, specOf('a'));
  cluster.advance(10_000);
  const [victim] = nodesOf(cluster, 'web');
  cluster.crash(victim!);
  cluster.advance(9_000);
  const [lost] = ofType(cluster, 'NodeLost');
  assert.is((lost!.data as { node: string }).node, victim);
  assert.is(nodesOf(cluster, 'web').length, 6);
  assert.not(nodesOf(cluster, 'web').includes(victim!));
  const ended = ofType(cluster, 'ContainerFailed').filter(({ data }) => (data as { node: string }).node === victim);
  for (const { data } of ended) assert.is((data as { reason: string }).reason, 'node lost');
});

test('a lost node that returns before the rest of its containers has ended keeps them', () => {
  const cluster = clusterOf(2);
  request(cluster, 'web', 4, specOf('a'));
  cluster.advance(5_000);
  const { version, session, containers } = cluster.view.nodes.get('worker-1')!;
  const data = { node: 'worker-1', session, lastHeardAt: null, silentMs: 6_000 };
  const stream = streams.node('worker-1');
  cluster.write([{ stream, type: 'NodeLost', data, meta }], [{ stream, version }]);
  const touched = { services: new Set<string>(), nodes: new Set(['worker-1']) };
  const rest = planOn(cluster.view, touched, cluster.nowMs());
  assert.is(rest.length, containers.size);
  const { engine } = cluster.view.nodes.get('worker-1')!;
  const registration = { node: 'worker-1', registrationId: '', engine, hostname: '', agentVersion: '', labels: [] };
  cluster.write([{ stream, type: 'NodeReturned', data: { ...registration, inventory: [] }, meta }]);
  for (const { event, expect } of rest) assert.not(cluster.write([event], expect), 'decided while it was lost');
  cluster.advance(10_000);
  assert.is(nodesOf(cluster, 'web').length, 4);
  assert.is(ofType(cluster, 'ContainerFailed').length, 0);
});

test('a container its node never takes is given up and placed again', () => {
  const cluster = clusterOf(2);
  const node = cluster.nodes.get('worker-1')!;
  request(cluster, 'web', 2, specOf('a'));
  // Unresponsive but heard: its session is another than the log's, so it obeys nothing.
  node.session = null;
  cluster.advance(1);
  assert.is(ofType(cluster, 'ContainerFailed').length, 0);
  cluster.partition('worker-1');
  cluster.advance(70_000);
  assert.is(nodesOf(cluster, 'web').length, 2);
  assert.not(nodesOf(cluster, 'web').includes('worker-1'));
});

test('a replacement has an id of its own while the container it follows is still stopping', () => {
  const cluster = clusterOf(2);
  request(cluster, 'web', 1, specOf('a'));
  cluster.advance(5_000);
  const [victim] = cluster.view.services.get('web')!.slots.get(1)!.containers;
  cluster.killContainer(nodesOf(cluster, 'web')[0]!, victim!);
  cluster.advance(5_000);
  const [container] = cluster.view.services.get('web')!.slots.get(1)!.containers;
  const { id, slot, node, version } = cluster.view.containers.get(container!)!;
  const ref = { container: id, service: 'web', slot, node };
  const stopping = { ...ref, reason: 'node draining' as const, stopTimeoutSeconds: 10 };
  const stream = streams.container(id);
  cluster.append([{ stream, type: 'ContainerStopRequested', data: stopping, meta }], [{ stream, version }]);
  const [, next] = cluster.view.services.get('web')!.slots.get(1)!.containers;
  assert.ok(next, 'the slot has its next container beside the one that stops');
});

test('a drained node is emptied, replacement first, and takes nothing new', () => {
  const cluster = clusterOf(3);
  request(cluster, 'web', 6, specOf('a'));
  cluster.advance(10_000);
  cluster.append([{ stream: streams.node('worker-2'), type: 'NodeDrainRequested', data: { node: 'worker-2' }, meta }]);
  for (let second = 0; second < 15; second += 1) {
    cluster.advance(1_000);
    assert.ok(nodesOf(cluster, 'web').length >= 6, 'never below the replicas requested');
  }
  assert.equal([...new Set(nodesOf(cluster, 'web'))], ['worker-1', 'worker-3']);
});

test('removing a service stops all of it, then says that it is gone', () => {
  const cluster = clusterOf(3);
  request(cluster, 'web', 6, specOf('a'));
  cluster.advance(10_000);
  cluster.append([
    { stream: streams.service('web'), type: 'ServiceRemovalRequested', data: { service: 'web', generation: 2 }, meta },
  ]);
  cluster.advance(5_000);
  assert.is(cluster.events.at(-1)!.type, 'ServiceRemoved');
  assert.is(
    [...cluster.nodes.values()].reduce((sum, { running }) => sum + running.size, 0),
    0,
  );
});

test('every planned fact names the fact it follows from', () => {
  const cluster = clusterOf(3);
  request(cluster, 'web', 3, specOf('a'));
  cluster.advance(10_000);
  const ids = new Set(cluster.events.map(({ meta: { eventId } }) => eventId));
  for (const event of [...ofType(cluster, 'ContainerQueued'), ...ofType(cluster, 'ContainerStopRequested')]) {
    assert.ok(ids.has(event.meta.causationId!), `${event.type} at ${event.position}`);
  }
});

test.run();
