/** Where the tiles of a large cluster are on a canvas, and what is at a point of it. Pure. */

import type { ContainerView } from '../../projections/view/cluster-view.ts';
import { type Column, sortBySlot } from './columns.ts';

export const tile = { size: 9, gap: 2, perRow: 9 } as const;
const pitch = tile.size + tile.gap;
/** Of a node: its name, its tiles, a margin. */
export const block = { width: tile.perRow * pitch + 12, nameHeight: 16, margin: 8 } as const;

export type PlacedColumn = Column & { x: number; y: number; height: number };
export type TileGrid = { columns: PlacedColumn[]; height: number };

/** In rows of blocks; a row is as high as its highest block. */
export function placeColumns(columns: readonly Column[], width: number): TileGrid {
  const perRow = Math.max(1, Math.floor(width / block.width));
  const placed: PlacedColumn[] = [];
  let y = 0;
  for (let start = 0; start < columns.length; start += perRow) {
    const row = columns.slice(start, start + perRow);
    const height = Math.max(...row.map(heightOf));
    for (const [index, column] of row.entries()) placed.push({ ...column, x: index * block.width, y, height });
    y += height + block.margin;
  }
  return { columns: placed, height: y };
}

const heightOf = ({ containers }: Column): number =>
  block.nameHeight + Math.max(1, Math.ceil(containers.length / tile.perRow)) * pitch;

/** Of the tile with that number, within its block. */
export const tilePlace = (index: number) => ({
  x: (index % tile.perRow) * pitch,
  y: block.nameHeight + Math.floor(index / tile.perRow) * pitch,
});

export type Hit = { column: PlacedColumn; container: ContainerView | null };

export function hitOf({ columns }: TileGrid, x: number, y: number): Hit | null {
  const column = columns.find((one) => x >= one.x && x < one.x + block.width && y >= one.y && y < one.y + one.height);
  if (!column) return null;
  const row = Math.floor((y - column.y - block.nameHeight) / pitch);
  const place = Math.floor((x - column.x) / pitch);
  const isTile = row >= 0 && place < tile.perRow;
  return { column, container: isTile ? (sortBySlot(column)[row * tile.perRow + place] ?? null) : null };
}
