/** How measurements are shown: one table at the end, with what was aimed for beside what was found. */

export type BenchRow = {
  name: string;
  /** The figure with its unit; it depends on the machine. */
  value: string;
  /** Ours over the bare driver's, or ours over a named base; null where there is none. */
  ratio: number | null;
  /** What was aimed for, in words; '' for a figure that only informs. */
  target: string;
  /** null: nothing was aimed for. */
  met: boolean | null;
};

export function printTable(rows: readonly BenchRow[]): void {
  const cells = rows.map(({ name, value, ratio, target, met }) => [
    name,
    value,
    ratio === null ? '' : ratio.toFixed(ratio < 0.1 ? 4 : 2),
    target,
    met === null ? '' : met ? 'met' : 'MISSED',
  ]);
  const header = ['measurement', 'figure', 'ratio', 'target', ''];
  const widths = header.map((title, column) => Math.max(title.length, ...cells.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd();
  console.log([line(header), line(widths.map((width) => '-'.repeat(width))), ...cells.map(line)].join('\n'));
}

export function median(values: readonly number[]): number {
  if (values.length === 0) throw new Error('a median needs a value');
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

/** @param part 0.95: so many of them are no larger */
export function percentile(values: readonly number[], part: number): number {
  if (values.length === 0) throw new Error('a percentile needs a value');
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * part) - 1]!;
}
