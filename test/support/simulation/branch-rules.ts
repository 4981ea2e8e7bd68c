/** What holds for branches of a view: they fold as the view itself would, and leave what they came from as it was. */

import { deepStrictEqual, strictEqual } from 'node:assert';
import type { LogEvent } from '../../../src/events/schema/event.ts';
import { parseView, writeView } from '../../../src/projections/snapshots/view-text.ts';
import { branchView } from '../../../src/projections/view/branch-view.ts';
import { type ClusterView, emptyClusterView } from '../../../src/projections/view/cluster-view.ts';
import { evolve } from '../../../src/projections/view/evolve.ts';

/** @param shares of the history at which branches begin; each is the base of the next one, too */
export function assertBranchesFold(events: readonly LogEvent[], shares: readonly number[], because: string): void {
  const whole = emptyClusterView();
  for (const event of events) evolve(whole, event);
  const starts = [0, ...shares.map((share) => Math.floor(share * events.length))];
  let base = emptyClusterView();
  for (const [index, start] of starts.entries()) {
    const before = writeView(base);
    const toEnd = branchView(base);
    for (const event of events.slice(start)) toEnd.fold(event);
    deepStrictEqual(asPlain(toEnd.view), asPlain(whole), `a branch at ${start}, ${because}`);
    strictEqual(writeView(base), before, `the base of a branch at ${start}, ${because}`);
    const toNext = branchView(base);
    for (const event of events.slice(start, starts[index + 1])) toNext.fold(event);
    base = toNext.view;
  }
}

/** With maps of its own, whichever a view has. */
const asPlain = (view: ClusterView): ClusterView => parseView(JSON.parse(writeView(view)));
