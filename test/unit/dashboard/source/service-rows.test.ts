/** Rows that are remembered from picture to picture are those that would be made again. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createServiceRows } from '../../../../src/dashboard/source/service-rows.ts';
import { toLogEvents } from '../../../../src/events/schema/upcast.ts';
import { sortNatural } from '../../../../src/projections/rows/order.ts';
import { serviceRow } from '../../../../src/projections/rows/service-row.ts';
import { emptyClusterView } from '../../../../src/projections/view/cluster-view.ts';
import { evolve } from '../../../../src/projections/view/evolve.ts';
import { readGolden } from '../../../golden/golden-file.ts';

const test = suite('remembered rows of services');

test('after each event of a history with every event there is, they are as new ones', () => {
  const view = emptyClusterView();
  const rows = createServiceRows();
  let remembered = 0;
  for (const { position, at, event } of readGolden()) {
    const commit = { slot: position, first: position, count: 1, at, class: 'fact' as const, writer: 'test' };
    for (const one of toLogEvents({ ...commit, commitId: 'c', appends: [], bodyHash: '', hash: '', events: [event] })) {
      evolve(view, one);
      for (const service of view.services.values()) {
        const shown = rows.of(view, service);
        assert.equal(shown.row, serviceRow(view, service), `${service.name} at ${position}, ${one.type}`);
        assert.equal(shown.healthy, createServiceRows().of(view, service).healthy, `${service.name} at ${position}`);
        if (rows.of(view, service).row === shown.row) remembered += 1;
      }
      const names = sortNatural(view.services.keys(), (name) => name);
      assert.equal(
        rows.inOrder(view.services).map(({ name }) => name),
        names,
      );
    }
  }
  assert.ok(remembered > 0);
});

test.run();
