/** What people read about services, containers and nodes, and in which order. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  containerStateBody,
  nodeStateBody,
  serviceStateBody,
  stateBody,
} from '../../../../src/projections/rows/state-bodies.ts';
import { type ClusterView, emptyClusterView } from '../../../../src/projections/view/cluster-view.ts';
import { evolve } from '../../../../src/projections/view/evolve.ts';
import { clusterId, createHistory, type History, spec, timeOf } from '../../../support/log/history.ts';

const test = suite('rows');

function fold(history: History): ClusterView {
  const view = emptyClusterView();
  for (const event of history.events) evolve(view, event);
  return view;
}

function given(replicas: number): History {
  const history = createHistory();
  for (const node of ['worker-10', 'worker-2', 'worker-1']) history.node(node);
  history.serviceRequested('web', replicas);
  return history;
}

function standing(history: History): { status: string; reason: string | null } {
  const { status, reason } = serviceStateBody(fold(history)).services.find(({ serviceName }) => serviceName === 'web')!;
  return { status, reason };
}

test('a service whose replicas all run is converged and has nothing to explain', () => {
  const history = given(2);
  history.running(history.queued('web', 1, 'worker-1'));
  history.running(history.queued('web', 2, 'worker-2'));
  assert.equal(standing(history), { status: 'converged', reason: null });
});

test('a service without replicas is converged', () => {
  assert.equal(standing(given(0)), { status: 'converged', reason: null });
});

test('on the way it says how many run and where the others are', () => {
  const history = given(3);
  assert.equal(standing(history), { status: 'progressing', reason: '0 of 3 running' });
  history.running(history.queued('web', 1, 'worker-1'));
  history.starting(history.queued('web', 2, 'worker-2'));
  history.queued('web', 3, 'worker-10');
  assert.equal(standing(history), {
    status: 'progressing',
    reason: '1 of 3 running, 1 in queue on worker-10, 1 starting on worker-2',
  });
});

test('while a new spec is rolled out it says how many are of the earlier one', () => {
  const history = given(2);
  history.running(history.queued('web', 1, 'worker-1'));
  history.running(history.queued('web', 2, 'worker-2'));
  history.serviceRequested('web', 2, spec({ image: 'nginx:2' }));
  history.starting(history.queued('web', 1, 'worker-10'));
  assert.is(standing(history).reason, '2 of 2 running, 2 of them by an earlier spec, 1 starting on worker-10');
});

test('a container too many is not converged', () => {
  const history = given(1);
  const id = history.queued('web', 1, 'worker-1');
  history.running(id);
  history.running(history.queued('web', 1, 'worker-2'));
  history.stopRequested(id, 'node draining');
  assert.equal(standing(history), { status: 'progressing', reason: '1 of 1 running, 1 stopping on worker-1' });
});

test('a blocked service says which filters turned how many nodes away', () => {
  const history = given(3);
  history.blocked('web', 2);
  assert.equal(standing(history), {
    status: 'blocked',
    reason: 'no node for 2 of 3 replicas: less than 500 bytes of memory are free (2 nodes)',
  });
});

test('a blocked service in a cluster without nodes says that', () => {
  const history = createHistory();
  history.serviceRequested('web', 1);
  history.add('PlacementBlocked', { service: 'web', slots: [1], missing: 1, filtered: [] });
  assert.is(standing(history).reason, 'no node for 1 of 1 replica: the cluster has no node');
});

test('one failure passes by itself; the second is told with its words and the next attempt', () => {
  const history = given(1);
  history.failed(history.queued('web', 1, 'worker-1'), 'image', 'nginy: not found');
  assert.is(standing(history).status, 'progressing');
  const again = history.queued('web', 1, 'worker-1');
  history.failed(again, 'image', 'nginy: not found');
  history.delayed('web', 1, again, 2);
  assert.equal(standing(history), {
    status: 'degraded',
    reason: `web.1 failed 2 times in a row: image: nginy: not found; next attempt at ${timeOf(2)}`,
  });
  const next = history.queued('web', 1, 'worker-2');
  assert.match(standing(history).reason!, /; next attempt is in queue on worker-2$/);
  history.running(next);
  assert.is(standing(history).status, 'converged');
});

test('several failing replicas are told by the last that failed', () => {
  const history = given(2);
  for (const [slot, words] of [
    [1, 'first'],
    [2, 'second'],
  ] as const) {
    history.failed(history.queued('web', slot, 'worker-1'), 'exited', words);
    history.wait(1).failed(history.queued('web', slot, 'worker-1'), 'exited', words);
  }
  assert.is(
    standing(history).reason,
    'web.2 failed 2 times in a row (1 other replica too): exited: second; next attempt at once',
  );
});

test('a service that is being removed names what still runs', () => {
  const history = given(4);
  const ids = [1, 2, 3, 4].map((slot) => history.queued('web', slot, slot < 3 ? 'worker-10' : `worker-${slot - 2}`));
  for (const id of ids) history.running(id);
  history.add('ServiceRemovalRequested', { service: 'web', generation: 2 });
  for (const id of ids) history.stopRequested(id, 'service removed');
  assert.equal(standing(history), {
    status: 'removing',
    reason: 'the service is being removed: 4 stopping on worker-1, worker-2 and worker-10',
  });
});

test('lists are in a stable order: services by name, nodes as people count, containers by service, slot and time', () => {
  const history = given(12);
  history.serviceRequested('api', 1);
  for (const slot of [10, 2, 1]) history.queued('web', slot, 'worker-1');
  const first = history.queued('api', 1, 'worker-1');
  history.failed(first);
  const second = history.queued('api', 1, 'worker-1', first);
  const view = fold(history);
  assert.equal(
    serviceStateBody(view).services.map(({ serviceName }) => serviceName),
    ['api', 'web'],
  );
  assert.equal(
    nodeStateBody(view).nodes.map(({ node }) => node),
    ['worker-1', 'worker-2', 'worker-10'],
  );
  const slots = (ended: boolean) => containerStateBody(view, { ended }).containers.map((c) => `${c.service}.${c.slot}`);
  assert.equal(slots(false), ['api.1', 'web.1', 'web.2', 'web.10']);
  assert.equal(slots(true), ['api.1', 'api.1', 'web.1', 'web.2', 'web.10']);
  const [one, two] = containerStateBody(view, { ended: true, service: 'api' }).containers;
  assert.equal([one?.container, two?.container, two?.replaces], [first, second, first]);
});

test('filters narrow by service, node and state', () => {
  const history = given(2);
  history.serviceRequested('api', 1);
  history.running(history.queued('web', 1, 'worker-1'));
  history.queued('web', 2, 'worker-2');
  history.running(history.queued('api', 1, 'worker-2'));
  const view = fold(history);
  assert.is(containerStateBody(view, { node: 'worker-2' }).containers.length, 2);
  assert.is(containerStateBody(view, { node: 'worker-2', state: 'running' }).containers.length, 1);
  assert.is(containerStateBody(view, { service: 'nobody' }).containers.length, 0);
  assert.is(serviceStateBody(view, { node: 'worker-1' }).services.length, 1);
  assert.is(serviceStateBody(view, { state: 'converged' }).services[0]?.serviceName, 'api');
  assert.equal(
    nodeStateBody(view, { service: 'api' }).nodes.map(({ node }) => node),
    ['worker-2'],
  );
});

test('a container row says what happened to it', () => {
  const history = given(1);
  const id = history.queued('web', 1, 'worker-1');
  history.starting(id);
  const pull = { container: id, node: 'worker-1', image: 'nginx', at: timeOf(0), currentBytes: 1, totalBytes: 4 };
  history.add('PullProgressReported', { pulls: [pull] });
  assert.equal(containerStateBody(fold(history)).containers[0]?.pull, { currentBytes: 1, totalBytes: 4 });
  history.wait(3).failed(id, 'exited', 'exit code 1');
  assert.equal(containerStateBody(fold(history), { ended: true }).containers, [
    {
      container: id,
      service: 'web',
      slot: 1,
      node: 'worker-1',
      state: 'failed',
      reason: 'exited',
      message: 'exit code 1',
      exitCode: 1,
      health: null,
      image: 'nginx',
      imageDigest: null,
      generation: 1,
      since: timeOf(3),
      replaces: null,
      ports: [],
      position: 8,
      unknownSince: null,
      pull: null,
    },
  ]);
});

test('the whole state carries the position and time of the last fact, and says what the nodes run on', () => {
  const history = given(1);
  history.add('ClusterCreated', { clusterId, name: 'demo' });
  history.add('ControllerElected', { term: 1, controllerId: 'manager-1' });
  history.wait(9).add('HeartbeatsReceived', { heartbeats: [] });
  const body = stateBody(fold(history), { log: 'memory', bus: 'embedded' });
  assert.is(body.position, 6);
  assert.is(body.at, timeOf(0));
  assert.is(body.engine, 'simulated');
  assert.equal(body.leader, { controllerId: 'manager-1', term: 1 });
  assert.equal(Object.keys(body).sort(), [
    ...['alarms', 'at', 'bus', 'cluster', 'containers', 'engine', 'leader', 'log', 'nodes', 'position', 'services'],
  ]);
});

test('a row has the position of the last fact that changed it', () => {
  const history = given(1);
  history.serviceRequested('api', 1);
  const id = history.queued('web', 1, 'worker-1');
  const running = history.running(id);
  history.add('ServiceRequested', {
    service: 'web',
    generation: 1,
    changed: false,
    replicas: 1,
    container: spec(),
    specHash: fold(history).services.get('web')!.specHash,
  });
  const view = fold(history);
  const [api, web] = serviceStateBody(view).services;
  assert.is(api?.position, 5);
  assert.is(web?.position, running.position);
  assert.is(containerStateBody(view).containers[0]?.position, running.position);
  assert.is(nodeStateBody(view).nodes[0]?.position, running.position - 1, 'the container was placed on it');
});

test.run();
