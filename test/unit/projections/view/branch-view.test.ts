/** A branch of a view folds as the view itself would, and what it branched from stays as it is. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { LogEvent } from '../../../../src/events/schema/event.ts';
import { toLogEvents } from '../../../../src/events/schema/upcast.ts';
import { branchView } from '../../../../src/projections/view/branch-view.ts';
import { type ClusterView, emptyClusterView } from '../../../../src/projections/view/cluster-view.ts';
import { copyView } from '../../../../src/projections/view/copy-view.ts';
import { evolve } from '../../../../src/projections/view/evolve.ts';
import { readGolden } from '../../../golden/golden-file.ts';

const test = suite('branches of a view');

/** One of every event there is. */
const events: readonly LogEvent[] = readGolden().flatMap(({ position, at, event }) => {
  const commit = { slot: position, first: position, count: 1, at, class: 'fact' as const, writer: 'test' };
  return toLogEvents({ ...commit, commitId: 'c', appends: [], bodyHash: '', hash: '', events: [event] });
});

function foldTo(count: number): ClusterView {
  const view = emptyClusterView();
  for (const event of events.slice(0, count)) evolve(view, event);
  return view;
}

const end = foldTo(events.length);

test('from every position it comes to the same end, and its base stays', () => {
  for (const count of events.keys()) {
    const base = foldTo(count);
    const before = structuredClone(base);
    const branch = branchView(base);
    for (const event of events.slice(count)) branch.fold(event);
    assert.equal(structuredClone(branch.view), end, `from ${count}`);
    assert.equal(base, before, `the base at ${count}`);
  }
});

test('a branch of a branch after each event comes to the same end, and each stays as it was', () => {
  const kept: { view: ClusterView; before: ClusterView }[] = [];
  let branch = branchView(emptyClusterView());
  for (const event of events) {
    branch.fold(event);
    kept.push({ view: branch.view, before: structuredClone(branch.view) });
    branch = branchView(branch.view);
  }
  assert.equal(structuredClone(branch.view), end);
  for (const { view, before } of kept) assert.equal(structuredClone(view), before, `at ${before.position}`);
});

test('what no event changed is shared, and what is read is not copied', () => {
  const base = foldTo(events.length);
  const { view } = branchView(base);
  for (const [id, container] of base.containers) assert.is(view.containers.get(id), container);
  for (const [name, service] of base.services) assert.is(view.services.get(name), service);
  assert.equal([...view.containers.values()], [...base.containers.values()]);
});

test('a copy stays as it is while the view is folded on', () => {
  const view = foldTo(events.length >> 1);
  const copy = copyView(view);
  const before = structuredClone(copy);
  for (const event of events.slice(events.length >> 1)) evolve(view, event);
  assert.equal(copy, before);
  assert.equal(Object.keys(copy), Object.keys(view));
});

test.run();
