/** Tables for people: columns as wide as they need, numbers to the right, nothing that moves a terminal or runs over it. Pure. */

import type { Mark } from '../../projections/rows/state-marks.ts';
import { cutPainted, paint } from './tones.ts';

export type Cell = string | number | null;

export type Column<T> = {
  title: string;
  cell: (row: T) => Cell;
  /** Of the state that is in it; null: it has none. */
  mark?: (row: T) => Mark | null;
};

/**
 * Where a table is shown. `widthMax`: characters of a line of a terminal, whose marks are shown as well; null: programs read it, and it
 * is as wide as it is.
 */
export type Look = { widthMax: number | null; hasColors: boolean };

const gap = '  ';
/** What a column keeps; less where not even that fits. */
const columnWidthMins = [8, 4, 1] as const;

/** Lines of a table; only the header when there are no rows. `null` shows as `-`. Columns that say nothing are left out, and the widest are cut until all fit. */
export function formatTable<T>(
  columns: readonly Column<T>[],
  rows: readonly T[],
  look: Look = { widthMax: null, hasColors: false },
): string[] {
  const { widthMax, hasColors } = look;
  const cells = rows.map((row) => columns.map(({ cell }) => cell(row)));
  const marks = rows.map((row) => columns.map(({ mark }) => (widthMax === null ? null : (mark?.(row) ?? null))));
  const shown = cells.map((row, at) => row.map((cell, index) => withShape(showCell(cell), marks[at]![index]!)));
  const isRight = columns.map((_, index) => cells.length > 0 && cells.every((row) => typeof row[index] === 'number'));
  const titles = columns.map(({ title }) => title);
  const needed = titles.map((title, index) => Math.max(title.length, ...shown.map((row) => row[index]!.length)));
  const isTooWide = widthMax !== null && widthOf(needed) > widthMax;
  const saying = columns.filter((_, index) => cells.some((row) => row[index] !== null && row[index] !== ''));
  if (isTooWide && saying.length > 0 && saying.length < columns.length) return formatTable(saying, rows, look);
  const widths = fitWidths(needed, widthMax);
  const line = (row: readonly string[], marksOfRow: readonly (Mark | null)[] = []) => {
    const padded = row
      .map((text, index) => cutTo(text, widths[index]!))
      .map((text, index) => (isRight[index] ? text.padStart(widths[index]!) : text.padEnd(widths[index]!)))
      .map((text, index) => (hasColors && marksOfRow[index] ? paint(text, marksOfRow[index].tone) : text));
    return cutPainted(padded.join(gap).trimEnd(), widthMax ?? Number.POSITIVE_INFINITY);
  };
  return [line(titles), ...shown.map((row, at) => line(row, marks[at]))];
}

const withShape = (text: string, mark: Mark | null): string => (mark ? `${mark.shape} ${text}` : text);

const widthOf = (widths: readonly number[]) => sum(widths) + gap.length * (widths.length - 1);

/** The widest gives first: what is short stays whole. */
function fitWidths(needed: readonly number[], widthMax: number | null): readonly number[] {
  if (widthMax === null) return needed;
  return columnWidthMins.reduce((widths: readonly number[], min) => narrow(widths, widthMax, min), needed);
}

function narrow(wide: readonly number[], widthMax: number, columnWidthMin: number): number[] {
  const widths = [...wide];
  for (let excess = widthOf(widths) - widthMax; excess > 0; excess = widthOf(widths) - widthMax) {
    const widest = Math.max(...widths);
    if (widest <= columnWidthMin) break;
    const next = Math.max(columnWidthMin, ...widths.filter((width) => width < widest));
    // Of several that are as wide the last is cut: names come first.
    const index = widths.lastIndexOf(widest);
    widths[index] = Math.max(Math.min(next, widest - 1), widest - excess);
  }
  return widths;
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

/** With a sign where it is cut. */
const cutTo = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;

function showCell(cell: Cell): string {
  if (cell === null) return '-';
  return typeof cell === 'number' ? String(cell) : printable(cell);
}

/** What came from elsewhere may hold line ends and escapes: a terminal must not obey them. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ');
}
