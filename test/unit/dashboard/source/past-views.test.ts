/** Views of the past in the browser: whatever way a person goes, each is what a fold from the beginning comes to. */

import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nextTick } from '../../../../src/concurrency/yielder.ts';
import { createPastViews, type PastDeps } from '../../../../src/dashboard/source/past-views.ts';
import type { LogEvent } from '../../../../src/events/schema/event.ts';
import { toLogEvents } from '../../../../src/events/schema/upcast.ts';
import { type ClusterView, emptyClusterView } from '../../../../src/projections/view/cluster-view.ts';
import { evolve } from '../../../../src/projections/view/evolve.ts';
import { readGolden } from '../../../golden/golden-file.ts';

const test = suite('views of the past in the browser');

/** One of every event there is. */
const events: readonly LogEvent[] = readGolden().flatMap(({ position, at, event }) => {
  const commit = { slot: position, first: position, count: 1, at, class: 'fact' as const, writer: 'test' };
  return toLogEvents({ ...commit, commitId: 'c', appends: [], bodyHash: '', hash: '', events: [event] });
});
const head = events.length;
const options = { blockSize: 16, factsPerKeyframe: 3 };

/** From nothing, as the manager does. */
function foldTo(position: number): ClusterView {
  const view = emptyClusterView();
  for (const event of events) if (event.position <= position) evolve(view, event);
  return view;
}

function countingDeps(): PastDeps & { calls: () => number } {
  let calls = 0;
  return {
    calls: () => calls,
    pause: nextTick,
    async loadView(position) {
      calls += 1;
      return foldTo(position);
    },
    async loadFacts(after, to) {
      calls += 1;
      return events.filter(({ position }) => position > after && position <= to);
    },
  };
}

test('any way through the history shows at each stop what a fold from the beginning comes to', async () => {
  const way = fc.array(fc.integer({ min: 1, max: head }), { minLength: 1, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(way, async (stops) => {
      const past = createPastViews(countingDeps(), options);
      for (const stop of stops) {
        await past.load(stop, head);
        const found = past.nearest(stop)!;
        assert.is(found.position, stop);
        assert.equal(structuredClone(found.view), foldTo(stop), `at ${stop} on the way ${stops}`);
      }
    }),
    { numRuns: 40 },
  );
});

test('before a block is loaded there is the nearest one before it, or none', async () => {
  const past = createPastViews(countingDeps(), options);
  assert.is(past.nearest(40), null);
  await past.load(5, head);
  const found = past.nearest(40)!;
  assert.is(found.position, 16);
  assert.equal(structuredClone(found.view), foldTo(16));
  assert.is(past.isLoaded(40), false);
  assert.is(past.isLoaded(5), true);
});

test('a block is loaded once, also by callers at the same time', async () => {
  const deps = countingDeps();
  const past = createPastViews(deps, options);
  await Promise.all([past.load(3, head), past.load(4, head)]);
  await past.load(16, head);
  assert.is(deps.calls(), 2);
});

test('the last block grows with the log', async () => {
  const deps = countingDeps();
  const past = createPastViews(deps, options);
  await past.load(20, 20);
  assert.is(past.isLoaded(21), false);
  await past.load(25, 25);
  assert.equal(structuredClone(past.nearest(25)!.view), foldTo(25));
  assert.is(deps.calls(), 3, 'its facts alone were asked for');
});

test('a block behind a loaded one is folded on from it: its facts alone are asked for', async () => {
  const deps = countingDeps();
  const past = createPastViews(deps, options);
  await past.load(5, head);
  assert.is(past.isNext(20), true);
  assert.is(past.isNext(40), false);
  await past.load(20, head);
  assert.is(deps.calls(), 3);
  await past.load(40, head);
  assert.is(deps.calls(), 4);
  assert.equal(structuredClone(past.nearest(40)!.view), foldTo(40));
});

test('once a block has been folded, any position of it is a few facts from a view that is kept', async () => {
  const folded = new Set<number>();
  const counted = events.map((event) => ({
    ...event,
    get at() {
      folded.add(event.position);
      return event.at;
    },
  })) as readonly LogEvent[];
  const past = createPastViews(
    {
      pause: nextTick,
      loadView: async (position) => foldTo(position),
      loadFacts: async (after, to) => counted.filter(({ position }) => position > after && position <= to),
    },
    { blockSize: 64, factsPerKeyframe: 4 },
  );
  await past.load(head, head);
  const from = Math.floor((head - 1) / 64) * 64;
  past.nearest(head);
  for (let position = head; position > from; position -= 1) {
    folded.clear();
    past.nearest(position);
    assert.ok(folded.size <= 4, `${folded.size} at ${position}`);
  }
});

test('the facts up to a position are those of its block and the one before', async () => {
  const past = createPastViews(countingDeps(), options);
  await past.load(10, head);
  await past.load(20, head);
  const positions = past.factsUpTo(20, 100).map(({ position }) => position);
  assert.equal(
    positions,
    Array.from({ length: 20 }, (_, index) => index + 1),
  );
});

test.run();
