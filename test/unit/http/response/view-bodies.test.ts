/** Bodies of views: one making for all who ask meanwhile, the same bytes as at once, and others are served in between. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createViewBodies } from '../../../../src/http/response/view-bodies.ts';
import { writeView } from '../../../../src/projections/snapshots/view-text.ts';
import { type ClusterView, emptyClusterView } from '../../../../src/projections/view/cluster-view.ts';
import { projectionVersion } from '../../../../src/projections/view/evolve.ts';

const test = suite('bodies of views');

/** Several slices long. */
function largeView(position = 1): ClusterView {
  const view = { ...emptyClusterView(), position };
  const logTail = Array.from({ length: 20 }, (_, n) => `line ${n}`);
  for (let n = 0; n < 30_000; n += 1) {
    const id = `web.${n}-a`;
    view.containers.set(id, { id, service: 'web', slot: n, state: 'running', logTail } as never);
  }
  return view;
}

function textOf(view: ClusterView): string {
  const { position, at, containers } = view;
  const head = JSON.stringify({ position, at, projectionVersion, containers: containers.size });
  return `${head.slice(0, -1)},"view":${writeView(view)}}`;
}

test('who asks while the live view is written gets one that begins after it, and all of them the same', async () => {
  const view = largeView();
  const bodies = createViewBodies(view);
  const first = bodies.live();
  await new Promise((resolve) => setImmediate(resolve));
  view.position = 2;
  const [second, third] = [bodies.live(), bodies.live()];
  assert.is((await first).position, 1);
  assert.is((await second).position, 2);
  assert.is(await second, await third);
  assert.is(await bodies.live(), await second, 'it is kept until something happens');
});

test('what happens while it is written is not in it, and its bytes are those of one go', async () => {
  const view = largeView();
  const expected = textOf(view);
  const bodies = createViewBodies(view);
  const live = bodies.live();
  await new Promise((resolve) => setImmediate(resolve));
  for (const id of view.containers.keys()) view.containers.get(id)!.state = 'failed';
  view.containers.delete('web.29999-a');
  view.position = 2;
  assert.ok((await live).bytes.equals(Buffer.from(expected)));
});

test('others are served meanwhile', async () => {
  const bodies = createViewBodies(emptyClusterView());
  let turns = 0;
  let isWritten = false;
  const writing = bodies
    .past(7, async () => largeView(7))
    .finally(() => {
      isWritten = true;
    });
  for (; !isWritten; turns += 1) await new Promise((resolve) => setImmediate(resolve));
  await writing;
  assert.ok(turns > 3, `${turns} turns of the event loop`);
});

test('a view of the past is read and compressed once', async () => {
  const bodies = createViewBodies(emptyClusterView());
  let reads = 0;
  const readView = async () => {
    reads += 1;
    return largeView(7);
  };
  const [one, two] = await Promise.all([bodies.past(7, readView), bodies.past(7, readView)]);
  assert.is(await bodies.past(7, readView), one);
  assert.is(one, two);
  assert.is(reads, 1);
  assert.is(one.compressed(), two.compressed());
});

test('what failed is tried again', async () => {
  const bodies = createViewBodies(emptyClusterView());
  const fail = () => Promise.reject(new Error('the log is away'));
  for (let tries = 0; tries < 2; tries += 1) {
    const error = await bodies.past(7, fail).catch((thrown: Error) => thrown.message);
    assert.is(error, 'the log is away');
  }
  assert.is((await bodies.past(7, async () => largeView(7))).position, 7);
});

test('so many are kept, the oldest are forgotten', async () => {
  const bodies = createViewBodies(emptyClusterView());
  let reads = 0;
  const ask = (position: number) =>
    bodies.past(position, async () => {
      reads += 1;
      return largeView(position);
    });
  const { bytes } = await ask(1);
  const fit = Math.floor((64 * 1024 * 1024) / bytes.length);
  for (let position = 2; position <= fit + 1; position += 1) await ask(position);
  await ask(fit + 1);
  assert.is(reads, fit + 1);
  await ask(1);
  assert.is(reads, fit + 2);
});

test.run();
