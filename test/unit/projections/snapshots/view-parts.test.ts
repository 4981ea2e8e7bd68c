/** A view in parts comes back whole, however many parts it has. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { busyCluster, writeHistory } from '../../../../bench/fold-history.ts';
import type { LogEvent } from '../../../../src/events/schema/event.ts';
import { readParts, writeParts } from '../../../../src/projections/snapshots/view-parts.ts';
import { writeView } from '../../../../src/projections/snapshots/view-text.ts';
import { emptyClusterView } from '../../../../src/projections/view/cluster-view.ts';
import { evolve } from '../../../../src/projections/view/evolve.ts';

const test = suite('view in parts');

/** Of more containers than a part has. */
function largeView() {
  const view = emptyClusterView();
  const versions = new Map<string, number>();
  for (const batch of writeHistory({ ...busyCluster, nodes: 20, services: 30 })) {
    for (const event of batch) {
      const version = (versions.get(event.stream) ?? 0) + 1;
      versions.set(event.stream, version);
      const position = view.position + 1;
      const meta = { ...event.meta, eventId: `e${position}`, correlationId: `e${position}` };
      evolve(view, { ...event, meta, version, position, at: '2026-01-01T00:00:00.000Z' } as unknown as LogEvent);
    }
    if (view.position > 5_000) return view;
  }
  throw new Error('the history has an end');
}

test('is the same view, with the same text', async () => {
  const view = largeView();
  assert.ok(view.containers.size > 1_000);
  const read = await readParts(await writeParts(view));
  assert.equal(read, view);
  assert.is(writeView(read), writeView(view));
});

test('containers share the spec of their service, as they did', async () => {
  const read = await readParts(await writeParts(largeView()));
  for (const { spec, service } of read.containers.values()) assert.is(spec, read.services.get(service)?.spec);
});

test('an empty one comes back', async () => {
  assert.equal(await readParts(await writeParts(emptyClusterView())), emptyClusterView());
});

test('bytes that are cut off are refused', async () => {
  const bytes = await writeParts(largeView());
  const error = await readParts(bytes.subarray(0, bytes.length - 10)).catch((thrown: unknown) => thrown);
  assert.instance(error, Error);
});

test.run();
