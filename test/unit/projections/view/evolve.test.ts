/** Given a history, when something happens, then the view says so: the fold as a specification. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { LogEvent } from '../../../../src/events/schema/event.ts';
import { type ClusterView, emptyClusterView } from '../../../../src/projections/view/cluster-view.ts';
import { evolve, evolveCommit } from '../../../../src/projections/view/evolve.ts';
import { nothingTouched, type Touched } from '../../../../src/projections/view/touched.ts';
import {
  clusterId,
  createHistory,
  epochMs,
  type History,
  spec,
  specHashOf,
  timeOf,
} from '../../../support/log/history.ts';

const test = suite('evolve');

function fold(history: History): ClusterView {
  const view = emptyClusterView();
  for (const event of history.events) evolve(view, event);
  return view;
}

/** A service `web` of some replicas on nodes worker-1 … worker-3. */
function given(replicas = 2, container = spec()): History {
  const history = createHistory();
  for (const node of ['worker-1', 'worker-2', 'worker-3']) history.node(node);
  history.serviceRequested('web', replicas, container);
  return history;
}

function givenRunning(replicas = 2): { history: History; ids: string[] } {
  const history = given(replicas);
  const ids = Array.from({ length: replicas }, (_, i) => history.queued('web', i + 1, `worker-${(i % 3) + 1}`));
  for (const id of ids) history.running(id);
  return { history, ids };
}

const slotOf = (view: ClusterView, slot: number) => view.services.get('web')!.slots.get(slot)!;
const touchedAfter = (history: History, happen: () => void): Touched => {
  const view = fold(history);
  const touched = nothingTouched();
  const known = history.events.length;
  happen();
  for (const event of history.events.slice(known)) evolve(view, event, touched);
  return touched;
};

test('a request makes a service, and the same request again changes its version only', () => {
  const history = given(3);
  const before = fold(history).services.get('web')!;
  assert.is(before.replicas, 3);
  assert.is(before.generation, 1);
  assert.is(before.specEvent.position, 4);
  history.wait(5).add('ServiceRequested', {
    service: 'web',
    generation: 1,
    changed: false,
    replicas: 3,
    container: spec(),
    specHash: specHashOf(spec()),
  });
  const after = fold(history).services.get('web')!;
  assert.equal({ ...after, version: 0 }, { ...before, version: 0 });
  assert.is(after.version, 2);
});

test('another image starts the counts of failures anew and frees every delay; another number does not', () => {
  const history = given(1);
  const id = history.queued('web', 1, 'worker-1');
  history.failed(id);
  history.delayed('web', 1, id, 9);
  history.serviceRequested('web', 2);
  let view = fold(history);
  assert.is(slotOf(view, 1).failures, 1);
  assert.is(slotOf(view, 1).delayedUntilMs, epochMs + 9_000);
  assert.equal([...view.delayed], [['web', new Set([1])]]);
  history.serviceRequested('web', 2, spec({ image: 'nginx:2' }));
  view = fold(history);
  assert.is(slotOf(view, 1).failures, 0);
  assert.is(slotOf(view, 1).lastFailure, null);
  assert.is(slotOf(view, 1).delayedUntilMs, null);
  assert.is(view.delayed.size, 0);
  assert.is(slotOf(view, 1).lastEnded?.container, id);
});

test('a container of an earlier spec runs, and is not counted as running by the present one', () => {
  const { history } = givenRunning(2);
  history.serviceRequested('web', 2, spec({ image: 'nginx:2' }));
  const service = fold(history).services.get('web')!;
  assert.is(service.running, 2);
  assert.is(service.runningCurrent, 0);
});

test('scaling down lets a slot go when its last container has ended', () => {
  const { history, ids } = givenRunning(2);
  history.add('ServiceScaled', { service: 'web', generation: 2, from: 2, replicas: 1 });
  assert.ok(slotOf(fold(history), 2));
  history.stopRequested(ids[1]!);
  history.stopped(ids[1]!);
  const service = fold(history).services.get('web')!;
  assert.equal([...service.slots.keys()], [1]);
  assert.equal([...service.perNode], [['worker-1', 1]]);
});

test('a removed service leaves the view, and comes back with its stream and generation going on', () => {
  const { history, ids } = givenRunning(1);
  history.add('ServiceRemovalRequested', { service: 'web', generation: 2 });
  let view = fold(history);
  assert.is(view.services.get('web')!.removing, true);
  assert.is(view.services.get('web')!.replicas, 0);
  history.stopRequested(ids[0]!, 'service removed');
  history.stopped(ids[0]!);
  const touched = touchedAfter(history, () => history.add('ServiceRemoved', { service: 'web' }));
  view = fold(history);
  assert.is(view.services.size, 0);
  assert.is(touched.services.has('web'), false);
  assert.equal(view.removedServices.get('web'), { version: 3, generation: 2 });
  history.add('ServiceRequested', {
    service: 'web',
    generation: 3,
    changed: true,
    replicas: 1,
    container: spec(),
    specHash: specHashOf(spec()),
  });
  view = fold(history);
  assert.is(view.services.get('web')!.version, 4);
  assert.is(view.removedServices.size, 0);
});

test('a queued container holds its place: slot, node, spread, memory, CPUs and host ports', () => {
  const container = spec({
    ports: [
      { container: 80, host: 8080, protocol: 'tcp' },
      { container: 53, host: null, protocol: 'udp' },
    ],
    resources: { memoryBytes: 100, cpuMillis: 250 },
  });
  const history = given(1, container);
  const id = history.queued('web', 1, 'worker-2');
  const view = fold(history);
  assert.equal([...slotOf(view, 1).containers], [id]);
  assert.equal([...view.nodes.get('worker-2')!.containers], [id]);
  assert.equal([...view.services.get('web')!.perNode], [['worker-2', 1]]);
  assert.equal([...view.queued], [id]);
  const engine = view.engines.get('engine-of-worker-2')!;
  assert.is(engine.memoryReservedBytes, 100);
  assert.is(engine.cpuReservedMillis, 250);
  assert.equal([...engine.hostPorts], [['8080/tcp', id]]);
  assert.is(view.containers.get(id)!.queueDeadlineMs, epochMs + 60_000);
});

test('an ended container gives everything back and says why the next one is needed', () => {
  const container = spec({ resources: { memoryBytes: 100, cpuMillis: null } });
  const history = given(1, container);
  const id = history.queued('web', 1, 'worker-1');
  history.starting(id);
  const failed = history.failed(id, 'start error', 'no such file');
  const view = fold(history);
  assert.is(slotOf(view, 1).containers.size, 0);
  assert.equal(slotOf(view, 1).lastEnded, {
    container: id,
    cause: { position: failed.position, eventId: failed.meta.eventId, correlationId: failed.meta.correlationId },
    at: failed.at,
  });
  assert.is(view.nodes.get('worker-1')!.containers.size, 0);
  assert.is(view.engines.get('engine-of-worker-1')!.memoryReservedBytes, 0);
  assert.equal([...view.ended], [id]);
  assert.is(view.containers.get(id)!.state, 'failed');
});

test('nodes with one engine share what it has, and it goes with the last of them', () => {
  const history = createHistory();
  history.node('worker-1', { engineId: 'shared' });
  history.node('worker-2', { engineId: 'shared' });
  history.serviceRequested('web', 2, spec({ resources: { memoryBytes: 300, cpuMillis: null } }));
  const first = history.queued('web', 1, 'worker-1');
  history.queued('web', 2, 'worker-2');
  assert.is(fold(history).engines.size, 1);
  assert.is(fold(history).engines.get('shared')!.memoryReservedBytes, 600);
  history.add('NodeRemoved', { node: 'worker-1' });
  history.add('NodeRemoved', { node: 'worker-2' });
  assert.is(fold(history).engines.get('shared')!.containers, 2);
  history.failed(first, 'node lost');
  assert.is(fold(history).engines.get('shared')!.memoryReservedBytes, 300);
});

for (const reason of ['exited', 'oom', 'killed', 'unhealthy', 'start error', 'image'] as const) {
  test(`a run that ends as "${reason}" counts as a failure of its slot`, () => {
    const history = given(1);
    history.failed(history.queued('web', 1, 'worker-1'), reason, 'words');
    history.failed(history.queued('web', 1, 'worker-1'), reason, 'last words');
    assert.is(slotOf(fold(history), 1).failures, 2);
    assert.is(slotOf(fold(history), 1).lastFailure!.message, 'last words');
  });
}

for (const reason of ['node lost', 'queue timeout'] as const) {
  test(`"${reason}" says nothing about the spec and leaves the count of failures as it is`, () => {
    const history = given(1);
    history.failed(history.queued('web', 1, 'worker-1'), 'exited');
    history.failed(history.queued('web', 1, 'worker-1'), reason);
    assert.is(slotOf(fold(history), 1).failures, 1);
  });
}

test('a container that completes counts as a failure: its spec says that it runs', () => {
  const history = given(1);
  history.completed(history.queued('web', 1, 'worker-1'));
  assert.is(slotOf(fold(history), 1).failures, 1);
});

test('what we asked to stop did not fail, whatever its end', () => {
  for (const end of ['stopped', 'completed', 'failed'] as const) {
    const { history, ids } = givenRunning(1);
    history.stopRequested(ids[0]!, 'replaced');
    history[end](ids[0]!);
    assert.is(slotOf(fold(history), 1).failures, 0, end);
  }
});

test('a run of 60 seconds was stable: its end is the first failure; one of 59 is one more', () => {
  for (const [ranSeconds, failures] of [
    [59.999, 3],
    [60, 1],
  ] as const) {
    const history = given(1);
    history.failed(history.queued('web', 1, 'worker-1'));
    history.failed(history.queued('web', 1, 'worker-1'));
    const id = history.queued('web', 1, 'worker-1');
    history.wait(100).running(id);
    history.wait(ranSeconds).failed(id);
    assert.is(slotOf(fold(history), 1).failures, failures, `${ranSeconds} s`);
  }
});

test('the failure of a container of an earlier spec is not one of the present spec', () => {
  const { history, ids } = givenRunning(1);
  history.serviceRequested('web', 1, spec({ image: 'nginx:2' }));
  history.failed(ids[0]!);
  assert.is(slotOf(fold(history), 1).failures, 0);
});

test('a delay stands until the slot gets its next container', () => {
  const history = given(1);
  const id = history.queued('web', 1, 'worker-1');
  history.failed(id);
  history.delayed('web', 1, id, 30);
  assert.is(slotOf(fold(history), 1).delayedUntilMs, epochMs + 30_000);
  history.queued('web', 1, 'worker-1', id);
  const view = fold(history);
  assert.is(slotOf(view, 1).delayedUntilMs, null);
  assert.is(view.delayed.size, 0);
});

test('a transition the machine does not know is an assertion that names the position', () => {
  const { history, ids } = givenRunning(1);
  history.failed(ids[0]!);
  const view = fold(history);
  const late = history.starting(ids[0]!);
  assert.throws(() => evolve(view, late), /position 8: ContainerStarting .*the container is failed/);
  const unknown = { ...late, data: { ...late.data, container: 'web.9-zz' } } as LogEvent;
  assert.throws(() => evolve(view, unknown), /position 8: .*the container is unknown/);
});

test('a service with containers that have not ended cannot be removed from the log', () => {
  const { history } = givenRunning(1);
  history.add('ServiceRemoved', { service: 'web' });
  assert.throws(() => fold(history), /position 7: ServiceRemoved .*1 of its containers have not ended/);
});

test('blocked services are looked at again when what they wait for may be there', () => {
  const history = given(1, spec({ resources: { memoryBytes: 500, cpuMillis: null } }));
  const holder = history.queued('web', 1, 'worker-1');
  history.serviceRequested('big', 1);
  history.blocked('big', 1);
  assert.is(fold(history).blocked.has('big'), true);
  assert.ok(touchedAfter(history, () => history.failed(holder)).services.has('big'), 'memory was freed');
  assert.ok(touchedAfter(history, () => history.node('worker-4')).services.has('big'), 'a node came');
  const activate = () => history.add('NodeActivated', { node: 'worker-2' });
  assert.ok(touchedAfter(history, activate).services.has('big'), 'a node may be used again');
});

test('the end of a container that held nothing does not wake blocked services', () => {
  const { history, ids } = givenRunning(1);
  history.serviceRequested('big', 1);
  history.blocked('big', 1);
  assert.equal([...touchedAfter(history, () => history.failed(ids[0]!)).services], ['web']);
});

test('a service stays blocked until it finds a place or its spec changes', () => {
  const history = given(2);
  history.blocked('web', 2);
  assert.is(fold(history).services.get('web')!.blocked?.missing, 2);
  history.queued('web', 1, 'worker-1');
  assert.is(fold(history).blocked.size, 0);
  history.blocked('web', 1);
  history.add('ServiceScaled', { service: 'web', generation: 2, from: 2, replicas: 1 });
  assert.is(fold(history).services.get('web')!.blocked, null);
});

test('a transition is news of the service; being queued or taken is not', () => {
  const history = given(1);
  let id = '';
  const queue = () => {
    id = history.queued('web', 1, 'worker-1');
  };
  assert.is(touchedAfter(history, queue).services.size, 0);
  assert.is(touchedAfter(history, () => history.starting(id)).services.size, 0);
  assert.ok(touchedAfter(history, () => history.running(id)).services.has('web'));
  assert.ok(touchedAfter(history, () => history.stopRequested(id)).services.has('web'));
  assert.ok(touchedAfter(history, () => history.stopped(id)).services.has('web'));
});

test('a node event is news of the node and of the services on it', () => {
  const { history } = givenRunning(1);
  const lose = () => history.add('NodeLost', { node: 'worker-1', session: 1, lastHeardAt: null, silentMs: 6000 });
  const touched = touchedAfter(history, lose);
  assert.equal([...touched.nodes], ['worker-1']);
  assert.equal([...touched.services], ['web']);
});

test('a lost node stays news until the last of its containers has ended', () => {
  const history = given(2);
  const first = history.queued('web', 1, 'worker-1');
  const second = history.queued('web', 2, 'worker-1');
  history.add('NodeLost', { node: 'worker-1', session: 1, lastHeardAt: null, silentMs: 6000 });
  assert.ok(touchedAfter(history, () => history.failed(first, 'node lost')).nodes.has('worker-1'));
  assert.not(touchedAfter(history, () => history.failed(second, 'node lost')).nodes.has('worker-1'));
});

test('a node that returns has a new session, its availability, and is ready', () => {
  const history = given(1);
  history.add('NodeCordoned', { node: 'worker-1' });
  history.add('NodeLost', { node: 'worker-1', session: 1, lastHeardAt: null, silentMs: 6000 });
  assert.is(fold(history).nodes.get('worker-1')!.state, 'lost');
  const returned = history.returned('worker-1');
  const node = fold(history).nodes.get('worker-1')!;
  assert.is(node.state, 'ready');
  assert.is(node.availability, 'cordoned');
  assert.is(node.session, returned.position);
  assert.is(node.version, 4);
});

test('a removed node leaves the view and its stream goes on when it comes again', () => {
  const history = given(1);
  history.add('NodeRemoved', { node: 'worker-3' });
  const view = fold(history);
  assert.is(view.nodes.has('worker-3'), false);
  assert.is(view.engines.has('engine-of-worker-3'), false);
  assert.equal(view.removedNodes.get('worker-3'), { version: 2 });
  history.node('worker-3');
  assert.is(fold(history).nodes.get('worker-3')!.version, 3);
});

test('a stale container told after its node was removed leaves nothing but its place in the stream', () => {
  const history = given(1);
  history.add('NodeRemoved', { node: 'worker-3' });
  history.add('StaleContainerRemoved', { node: 'worker-3', container: 'web.9-1', reason: 'not wanted' });
  const view = fold(history);
  assert.is(view.nodes.has('worker-3'), false);
  assert.equal(view.removedNodes.get('worker-3'), { version: 3 });
});

test('a heartbeat of an older session is not heard', () => {
  const history = given(1);
  const beat = (session: number, at: string) =>
    history.add('HeartbeatsReceived', { heartbeats: [{ node: 'worker-1', session, sequence: 1, at, containers: 0 }] });
  beat(1, timeOf(7));
  beat(99, timeOf(8));
  const view = fold(history);
  assert.is(view.nodes.get('worker-1')!.lastHeardAt, timeOf(7));
  assert.is(view.factPosition, 4, 'telemetry is no fact');
  assert.is(view.position, 6);
});

test('a pull shows its progress until the container is past starting', () => {
  const history = given(1);
  const id = history.queued('web', 1, 'worker-1');
  history.starting(id);
  const pull = { container: id, node: 'worker-1', image: 'nginx', at: timeOf(1), currentBytes: 5, totalBytes: 9 };
  history.add('PullProgressReported', { pulls: [pull, { ...pull, container: 'gone.1-1' }] });
  assert.equal([...fold(history).pulls], [[id, { currentBytes: 5, totalBytes: 9 }]]);
  history.running(id);
  assert.is(fold(history).pulls.size, 0);
});

test('the cluster has a name, a leader, and alarms that keep the time they began', () => {
  const history = createHistory();
  history.add('ClusterCreated', { clusterId, name: 'demo' });
  history.add('ControllerElected', { term: 1, controllerId: 'manager-1' });
  const alarm = { alarm: 'log hole', subject: '', message: 'first' };
  history.add('AlarmRaised', alarm, 'alarms');
  history.wait(5).add('AlarmRaised', { ...alarm, message: 'second' }, 'alarms');
  let view = fold(history);
  assert.equal(view.cluster, { id: clusterId, name: 'demo', createdAt: timeOf(0) });
  assert.equal(view.controller, { term: 1, controllerId: 'manager-1', resigned: false, version: 1 });
  assert.equal([...view.alarms.values()], [{ ...alarm, message: 'second', since: timeOf(0) }]);
  history.add('AlarmCleared', { alarm: 'log hole', subject: '' }, 'alarms');
  history.add('ControllerResigned', { term: 1, controllerId: 'manager-1' });
  view = fold(history);
  assert.is(view.alarms.size, 0);
  assert.is(view.controller.resigned, true);
});

test('an ended container leaves the view after one hour of log time, not a millisecond before', () => {
  const { history, ids } = givenRunning(2);
  history.wait(10).failed(ids[0]!);
  history.wait(10).failed(ids[1]!);
  const view = fold(history);
  const tick = (seconds: number) => evolveCommit(view, { first: view.position + 1, count: 1, at: timeOf(seconds) }, []);
  tick(3609.999);
  assert.equal([...view.ended], ids);
  tick(3610);
  assert.equal([...view.ended], [ids[1]]);
  assert.is(view.containers.has(ids[0]!), false);
  tick(3620);
  assert.is(view.containers.size, 0);
  assert.is(view.nextExpiryMs, null);
});

test('with its telemetry pruned the log folds to the same view, apart from what telemetry alone feeds', () => {
  const { history, ids } = givenRunning(2);
  history.failed(ids[0]!);
  history.wait(3599).add('HeartbeatsReceived', {
    heartbeats: [{ node: 'worker-1', session: 1, sequence: 1, at: timeOf(3599), containers: 1 }],
  });
  history.wait(1).add('ApiReadsRecorded', { calls: [] });
  const whole = emptyClusterView();
  const pruned = emptyClusterView();
  for (const event of history.events) {
    const commit = { first: event.position, count: 1, at: event.at };
    evolveCommit(whole, commit, [event]);
    evolveCommit(pruned, commit, event.version === 0 ? [] : [event]);
  }
  assert.is(whole.containers.has(ids[0]!), false, 'the hour passed with telemetry alone');
  assert.is(whole.nodes.get('worker-1')!.lastHeardAt, timeOf(3599));
  for (const view of [whole, pruned]) for (const node of view.nodes.values()) node.lastHeardAt = null;
  assert.equal(pruned, whole);
});

test.run();
