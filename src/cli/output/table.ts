/** Tables for people: columns as wide as they need, numbers to the right, nothing that moves a terminal. Pure. */

export type Cell = string | number | null;

export type Column<T> = {
  title: string;
  cell: (row: T) => Cell;
};

/** Lines of a table; only the header when there are no rows. `null` shows as `-`. */
export function formatTable<T>(columns: readonly Column<T>[], rows: readonly T[]): string[] {
  const cells = rows.map((row) => columns.map(({ cell }) => cell(row)));
  const shown = cells.map((row) => row.map(showCell));
  const isRight = columns.map((_, index) => cells.length > 0 && cells.every((row) => typeof row[index] === 'number'));
  const widths = columns.map(({ title }, index) => Math.max(title.length, ...shown.map((row) => row[index]!.length)));
  const line = (row: readonly string[]) =>
    row
      .map((text, index) => (isRight[index] ? text.padStart(widths[index]!) : text.padEnd(widths[index]!)))
      .join('  ')
      .trimEnd();
  return [line(columns.map(({ title }) => title)), ...shown.map(line)];
}

function showCell(cell: Cell): string {
  if (cell === null) return '-';
  return typeof cell === 'number' ? String(cell) : printable(cell);
}

/** What came from elsewhere may hold line ends and escapes: a terminal must not obey them. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ');
}
