/** The forms an answer is printed in: tables for people, JSON and YAML for programs, names for scripts. */

import { type Command, Option } from 'commander';
import { stringify } from 'yaml';
import type { CliContext } from './context.ts';
import type { Shown } from './list-columns.ts';
import { type Column, formatTable, type Look, printable } from './table.ts';

const formats = ['table', 'wide', 'json', 'yaml', 'name'] as const;
export type Format = (typeof formats)[number];

export type FormatOptions = { output?: Format; json?: boolean };

export const addFormatOptions = (command: Command, choices: readonly Format[] = formats): Command =>
  command
    .addOption(new Option('-o, --output <format>', 'how it is shown').choices(choices))
    .option('--json', 'the same as -o json');

export const formatOf = ({ output, json }: FormatOptions): Format => (json ? 'json' : (output ?? 'table'));

/** The lines of a value for programs. Pure. */
export const valueLines = (value: unknown, format: 'json' | 'yaml'): string[] =>
  (format === 'json' ? JSON.stringify(value, null, 2) : stringify(value, { lineWidth: 0 })).trimEnd().split('\n');

export type List<T> = {
  /** As the API has it. */
  body: { position: number; at: string };
  rows: readonly T[];
  columns: (shown: Shown) => readonly Column<T>[];
  nameOf: (row: T) => string;
  /** It shows what changes without a fact. */
  isMoving: boolean;
};

/** @param nowMs ages are counted to it. Pure. */
export function listLines<T>(
  { body, rows, columns, nameOf }: List<T>,
  format: Format,
  { nowMs, look }: { nowMs: number; look: Look },
): string[] {
  if (format === 'json' || format === 'yaml') return valueLines(body, format);
  if (format === 'name') return rows.map((row) => printable(nameOf(row)));
  return formatTable(columns({ nowMs, isWide: format === 'wide' }), rows, look);
}

/** Lines that are as wide as they may be: tables, and what is copied. */
export const printLines = (lines: readonly string[], context: CliContext): void => {
  for (const line of lines) context.printWhole(line);
};
