/** A container that needs a folder or a device of the host goes where the owner of the node allows it, and what it reserves is what is counted. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EventData } from '../../../../src/events/schema/catalog.ts';
import type { HostAccess } from '../../../../src/model/host-access.ts';
import { isWithin } from '../../../../src/model/host-paths.ts';
import type { ContainerSpec } from '../../../../src/model/service.ts';
import { type ClusterView, emptyClusterView } from '../../../../src/projections/view/cluster-view.ts';
import { evolve } from '../../../../src/projections/view/evolve.ts';
import { createPlacer } from '../../../../src/reconciler/planner/placement.ts';
import { noReservations } from '../../../../src/reconciler/planner/reservations.ts';
import { createHistory, type History, spec } from '../../../support/log/history.ts';

const test = suite('plan: host access and reserves');

const bind = (source: string) => spec({ binds: [{ source, target: '/data', readOnly: false }] });
const device = (path: string) => spec({ devices: [path] });

/** Three nodes: one says nothing, one gives folders, one devices. */
function givenNodes(): History {
  const history = createHistory();
  history.node('plain');
  allow(history, 'folders', { binds: ['/srv/data', '/mnt'], devices: [] });
  allow(history, 'devices', { binds: [], devices: ['/dev/fuse', '/dev/snd'] });
  return history;
}

function allow(history: History, node: string, hostAccess: HostAccess): void {
  const { data } = history.node(node) as { data: EventData<'NodeRegistered'> };
  history.add('NodeReturned', { ...data, hostAccess });
}

function viewOf({ events }: History): ClusterView {
  const view = emptyClusterView();
  for (const event of events) evolve(view, event);
  return view;
}

const placerOf = (history: History, container: ContainerSpec) =>
  createPlacer(viewOf(history), container, {
    policy: undefined,
    replicasOnNode: () => 0,
    isSilent: () => false,
    reservations: noReservations(),
  });

for (const [container, node] of [
  [bind('/srv/data'), 'folders'],
  [bind('/mnt/a/b'), 'folders'],
  [device('/dev/fuse'), 'devices'],
  [device('/dev/snd/pcmC0D0p'), 'devices'],
] as const) {
  test(`${JSON.stringify(container.binds ?? container.devices)} goes to ${node}`, () => {
    const placed = placerOf(givenNodes(), container).place();
    assert.is(placed.node?.id, node);
    assert.is(
      placed.filtered.reduce((sum, { count }) => sum + count, 0),
      2,
    );
  });
}

test('what no node allows is blocked, and each reason names the path', () => {
  for (const [container, filter, reason] of [
    [bind('/srv'), 'bind not allowed', 'the node does not let containers bind /srv'],
    [bind('/srv/database'), 'bind not allowed', 'the node does not let containers bind /srv/database'],
    [bind('/'), 'bind not allowed', 'the node does not let containers bind /'],
    [device('/dev/sda'), 'device not allowed', 'the node does not let containers use /dev/sda'],
  ] as const) {
    const { node, filtered } = placerOf(givenNodes(), container).place();
    assert.is(node, null);
    assert.equal(
      filtered.map(({ filter, reason, count }) => [filter, reason, count]),
      [[filter, reason, 3]],
    );
  }
});

test('a long path fits the reason of a fact', () => {
  const { filtered } = placerOf(givenNodes(), bind(`/${'x'.repeat(1_000)}`)).place();
  assert.ok(filtered[0]!.reason.length <= 200);
});

test('what a node allows ends when it returns without it', () => {
  const history = givenNodes();
  history.returned('folders');
  assert.is(placerOf(history, bind('/mnt')).place().node, null);
});

test('below a folder is what has it and a slash in front', () => {
  assert.equal(
    [
      ['/srv', '/srv'],
      ['/srv/a', '/srv'],
      ['/srvx', '/srv'],
      ['/', '/srv'],
      ['/etc', '/'],
    ].map(([path, folder]) => isWithin(path!, folder!)),
    [true, true, false, false, true],
  );
});

const reserving = (limit: number | null, reserve: number | null) =>
  spec({ resources: { memoryBytes: limit, cpuMillis: null, reserve: { memoryBytes: reserve, cpuMillis: null } } });

test('placement counts the reserve, and where there is none the limit', () => {
  const history = createHistory();
  history.node('worker-1');
  const count = (container: ContainerSpec) => {
    const placer = placerOf(history, container);
    let placed = 0;
    while (placed < 50 && placer.place().node) placed += 1;
    return placed;
  };
  assert.is(count(reserving(1_000, 250)), 4, 'the node has 1000 bytes');
  assert.is(count(reserving(500, null)), 2);
  assert.is(count(reserving(null, 100)), 10);
});

test('the view holds the reserve and gives it back', () => {
  const history = createHistory();
  history.node('worker-1');
  history.serviceRequested('web', 1, reserving(1_000, 250));
  const id = history.queued('web', 1, 'worker-1');
  const held = () => viewOf(history).engines.get('engine-of-worker-1')!.memoryReservedBytes;
  assert.is(held(), 250);
  history.starting(id);
  history.failed(id, 'start error');
  assert.is(held(), 0);
});

test.run();
