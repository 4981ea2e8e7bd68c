/** The grid of a large cluster: what is painted at a place is what a click there finds. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Column } from '../../../../src/dashboard/source/columns.ts';
import { block, hitOf, placeColumns, tile, tilePlace } from '../../../../src/dashboard/source/tile-grid.ts';

const test = suite('the grid of a large cluster');

const columnOf = (id: string, containers: number) =>
  ({
    node: { id },
    containers: Array.from({ length: containers }, (_, n) => ({ id: `${id}-${n}`, service: 'web', slot: n })),
  }) as unknown as Column;
const columns = [columnOf('a', 0), columnOf('b', 20), columnOf('c', 1), columnOf('d', 3)];

test('every tile is found where it is painted, and only there', () => {
  const grid = placeColumns(columns, block.width * 2 + 5);
  for (const column of grid.columns) {
    for (const [index, container] of column.containers.entries()) {
      const { x, y } = tilePlace(index);
      const hit = hitOf(grid, column.x + x + tile.size / 2, column.y + y + tile.size / 2);
      assert.is(hit?.container?.id, container.id);
    }
    assert.is(hitOf(grid, column.x + 2, column.y + 2)?.column.node.id, column.node.id);
    assert.is(hitOf(grid, column.x + 2, column.y + 2)?.container, null);
  }
  assert.is(hitOf(grid, block.width * 2 + 3, 2), null);
  assert.is(hitOf(grid, 2, grid.height + 1), null);
});

test('no block lies on another, in any width', () => {
  for (const width of [10, 300, 2_000]) {
    const placed = placeColumns(columns, width).columns;
    for (const [index, a] of placed.entries()) {
      for (const b of placed.slice(index + 1)) {
        assert.ok(a.x !== b.x || b.y >= a.y + a.height, `${a.node.id} and ${b.node.id} at ${width}`);
      }
    }
  }
});

test.run();
