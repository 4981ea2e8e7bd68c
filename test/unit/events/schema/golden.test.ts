/** What was ever written can be read for ever: the golden file through schema, upcasters and fold. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { catalog } from '../../../../src/events/schema/catalog.ts';
import type { Commit, NewEvent } from '../../../../src/events/schema/event.ts';
import { toLogEvents } from '../../../../src/events/schema/upcast.ts';
import { assertEvent } from '../../../../src/events/schema/validate-event.ts';
import { versionOf } from '../../../../src/history/what-if/to-log-event.ts';
import { emptyClusterView } from '../../../../src/projections/view/cluster-view.ts';
import { evolve } from '../../../../src/projections/view/evolve.ts';
import { exampleHistory, type GoldenLine } from '../../../golden/example-history.ts';
import { keyOf, linesToAdd, readGolden } from '../../../golden/golden-file.ts';

const test = suite('golden file');
const golden = readGolden();

const commitOf = ({ position, at, event }: GoldenLine): Commit => ({
  ...{ slot: position, first: position, count: 1, at, writer: 'test', commitId: `commit-${position}` },
  class: event.version === 0 ? 'telemetry' : 'fact',
  appends: [{ appendId: `append-${position}`, count: 1 }],
  ...{ bodyHash: '', hash: '', events: [event] },
});

test('every type of the catalogue has its line', () => {
  const types = new Set(golden.map(({ event }) => event.type));
  assert.equal(
    Object.keys(catalog).filter((type) => !types.has(type)),
    [],
    'add it at the end of test/golden/example-history.ts, then run test/golden/add-lines.ts',
  );
  assert.equal(linesToAdd(golden, exampleHistory()), []);
});

test('every line is lifted to what the catalogue allows today', () => {
  for (const line of golden) {
    const [event] = toLogEvents(commitOf(line));
    assertEvent(event as unknown as NewEvent);
  }
});

test('the lines fold, one after the other', () => {
  const view = emptyClusterView();
  for (const line of golden) for (const event of toLogEvents(commitOf(line))) evolve(view, event);
  assert.is(view.position, golden.length);
  assert.is(view.cluster?.name, 'co');
  assert.equal([view.services.size, view.alarms.size, [...view.nodes.keys()]], [0, 0, ['worker-1']]);
  const { instance, refusals } = view.nodes.get('worker-1')!;
  assert.equal([instance?.pid, refusals.map(({ hostname }) => hostname)], [902, ['host-2']]);
});

test('the view knows the version of each service, node and container after each of its events', () => {
  const view = emptyClusterView();
  for (const event of golden.flatMap((line) => toLogEvents(commitOf(line)))) {
    evolve(view, event);
    if (!/^(service|node|container)\//.test(event.stream)) continue;
    assert.is(versionOf(view, event.stream), event.version, `${event.stream} after ${event.type}`);
  }
});

test('a type and version that has its line cannot be written in another way', () => {
  const [first, ...others] = exampleHistory();
  const changed = { ...first!, event: { ...first!.event, data: { clusterId: 'x', name: 'other' } } };
  assert.throws(() => linesToAdd(golden, [changed, ...others]), /ClusterCreated@1 has its line/);
  const next = { ...changed, event: { ...changed.event, schemaVersion: 2 } };
  assert.equal(linesToAdd(golden, [...exampleHistory(), next]).map(keyOf), ['ClusterCreated@2']);
});

test.run();
