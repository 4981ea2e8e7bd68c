/** Nodes that name one engine: what each says of it counts for itself, and where they do not agree they share nothing. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EventData } from '../../../../src/events/schema/catalog.ts';
import { streams } from '../../../../src/events/schema/event.ts';
import type { ContainerSpec } from '../../../../src/model/service.ts';
import { type ClusterView, emptyClusterView } from '../../../../src/projections/view/cluster-view.ts';
import { evolve } from '../../../../src/projections/view/evolve.ts';
import { createPlacer } from '../../../../src/reconciler/planner/placement.ts';
import { planEngines } from '../../../../src/reconciler/planner/plan-engines.ts';
import { noReservations } from '../../../../src/reconciler/planner/reservations.ts';
import { createHistory, type History, spec } from '../../../support/log/history.ts';

const test = suite('plan: engines');
const engineId = 'shared';

function clusterOf(first: object, second: object) {
  const history = createHistory();
  history.node('worker-1', { engineId, ...first });
  history.node('worker-2', { engineId, ...second });
  return history;
}

function viewOf({ events }: History): ClusterView {
  const view = emptyClusterView();
  for (const event of events) evolve(view, event);
  return view;
}

const placeOn = (history: History, container: ContainerSpec) =>
  createPlacer(viewOf(history), container, {
    policy: undefined,
    replicasOnNode: () => 0,
    isSilent: () => false,
    reservations: noReservations(),
  }).place();

const stepsOf = (history: History) => {
  const view = viewOf(history);
  return planEngines(view, new Set(view.nodes.keys()));
};
const alarmsOf = (history: History) => stepsOf(history).map(({ event }) => [event.type, Object(event.data).subject]);

const memory = (bytes: number) => spec({ resources: { memoryBytes: bytes, cpuMillis: null } });
const port = (host: number) => spec({ ports: [{ container: 80, host, protocol: 'tcp' }] });

test('a node that names the engine of another and offers nothing keeps nothing away from it', () => {
  const history = clusterOf({ memoryBytes: 1_000 }, { memoryBytes: 0 });
  assert.is(placeOn(history, memory(500)).node?.id, 'worker-1');
  assert.equal(alarmsOf(history), [['AlarmRaised', engineId]]);
});

test('a node that names the engine of another and offers more takes no room of it', () => {
  const history = clusterOf({ memoryBytes: 1_000 }, { memoryBytes: 1_000_000 });
  history.serviceRequested('web', 1, memory(900));
  history.queued('web', 1, 'worker-2');
  history.serviceRequested('db', 1, port(80));
  history.queued('db', 1, 'worker-2');
  assert.is(placeOn(history, memory(900)).node?.id, 'worker-1');
  assert.is(placeOn(history, port(80)).node?.id, 'worker-1');
});

test('nodes that agree share what their engine has', () => {
  const history = clusterOf({ memoryBytes: 1_000 }, { memoryBytes: 1_000 });
  history.serviceRequested('web', 1, memory(900));
  history.queued('web', 1, 'worker-2');
  assert.is(placeOn(history, memory(900)).node, null);
  assert.equal(alarmsOf(history), []);
});

test('the alarm is over when they agree, or when the one that differed is lost', () => {
  for (const mend of ['agree', 'lost'] as const) {
    const history = clusterOf({ memoryBytes: 1_000 }, { memoryBytes: 2_000 });
    history.add('AlarmRaised', stepsOf(history)[0]!.event.data as EventData<'AlarmRaised'>, streams.alarms);
    if (mend === 'agree') history.node('worker-2', { engineId, memoryBytes: 1_000 });
    else history.add('NodeLost', { node: 'worker-2', session: 2, lastHeardAt: null, silentMs: 5_001 });
    assert.equal(alarmsOf(history), [['AlarmCleared', engineId]], mend);
  }
});

test('a node that comes back with another engine brings along what its containers hold', () => {
  const history = clusterOf({ memoryBytes: 1_000 }, { memoryBytes: 1_000 });
  history.serviceRequested('web', 1, memory(900));
  history.queued('web', 1, 'worker-2');
  history.node('worker-2', { engineId: 'other', memoryBytes: 1_000 });
  assert.is(viewOf(history).engines.get(engineId)?.memoryReservedBytes, 0);
  assert.is(viewOf(history).engines.get('other')?.memoryReservedBytes, 900);
  assert.is(placeOn(history, memory(900)).node?.id, 'worker-1');
});

test.run();
