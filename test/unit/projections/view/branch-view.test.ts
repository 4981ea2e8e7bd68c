/** Branches of views, over the example history; the fault simulation has them over its own. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { toLogEvents } from '../../../../src/events/schema/upcast.ts';
import { branchView } from '../../../../src/projections/view/branch-view.ts';
import { emptyClusterView } from '../../../../src/projections/view/cluster-view.ts';
import { evolve } from '../../../../src/projections/view/evolve.ts';
import { readGolden } from '../../../golden/golden-file.ts';
import { createHistory } from '../../../support/log/history.ts';
import { assertBranchesFold } from '../../../support/simulation/branch-rules.ts';

const test = suite('branches of a view');

test('over the example history they fold as the view itself, and leave it as it was', () => {
  const events = readGolden().flatMap(({ position, at, event }) => {
    const commit = { slot: position, first: position, count: 1, at, class: 'fact' as const, writer: 'test' };
    return toLogEvents({ ...commit, commitId: 'c', appends: [], bodyHash: '', hash: '', events: [event] });
  });
  assertBranchesFold(events, [0.2, 0.5, 0.8], 'in the example history');
});

test('what no event is about is shared, and what one changes is not', () => {
  const history = createHistory();
  history.node('worker-1');
  history.serviceRequested('web', 1);
  history.serviceRequested('api', 1);
  const base = emptyClusterView();
  for (const event of history.events) evolve(base, event);
  const branch = branchView(base);
  const later = history.events.length;
  history.serviceRequested('web', 3);
  for (const event of history.events.slice(later)) branch.fold(event);
  assert.is(branch.view.services.get('api'), base.services.get('api'));
  assert.is.not(branch.view.services.get('web'), base.services.get('web'));
  assert.equal([base.services.get('web')!.replicas, branch.view.services.get('web')!.replicas], [1, 3]);
});

test.run();
