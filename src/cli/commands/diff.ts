/** Owns `coctl diff`: what changed between two moments, field by field, and the events that did it. */

import type { Command } from 'commander';
import { diffKinds, type FieldChange } from '../../replay/diff.ts';
import type { Change, DiffBody } from '../../replay/diff-between.ts';
import { sayCount, sayTime } from '../../replay/words-values.ts';
import { type ApiOptions, addApiOptions, createApi } from '../api.ts';
import { type CliContext, exitCodes } from '../context.ts';
import { addExamples } from '../examples.ts';
import { printable } from '../table.ts';

type Options = ApiOptions & { json?: boolean };

export function addDiffCommand(program: Command, context: CliContext): void {
  const command = program
    .command('diff <from> [to]')
    .description('What changed between two moments, each a position or a time; to is now when it is left out')
    .option('--json', 'for programs');
  addExamples(addApiOptions(command), [
    ['diff 2026-01-31T14:00:00Z', 'what changed since 14:00'],
    ['diff 1500 1800', 'what the events 1501 to 1800 changed'],
  ]);
  command.action(async (from: string, to: string | undefined, options: Options) => {
    const search = new URLSearchParams({ from, ...(to === undefined ? {} : { to }) });
    const diff = await createApi(context, options).get<DiffBody>(`/diff?${search}`);
    if (options.json) context.printJson(diff);
    else for (const line of diffLines(diff)) context.print(line);
    if (diffKinds.some((kind) => diff[kind].changes.length > 0)) context.exitWith(exitCodes.different);
  });
}

/** For people. */
export function diffLines(diff: DiffBody): string[] {
  const { from, to, events } = diff;
  const span = `from position ${from.position}, ${sayTime(from.at)}, to position ${to.position}, ${sayTime(to.at)}`;
  const unread =
    events.unreadThrough === null ? [] : [`events up to position ${events.unreadThrough} were not looked at`];
  const kinds = diffKinds.filter((kind) => diff[kind].changes.length > 0);
  if (kinds.length === 0) return [span, 'nothing changed'];
  return [
    span,
    ...unread,
    ...kinds.flatMap((kind) => {
      const { added, removed, changed, changes, more } = diff[kind];
      const rest = more > 0 ? [`  and ${sayCount(more, 'more change')}`] : [];
      const title = `${kind}: ${added} added, ${removed} removed, ${changed} changed`;
      return ['', title, ...changes.flatMap(changeLines), ...rest];
    }),
  ];
}

const signs = { added: '+', removed: '-', changed: '~' } as const;

function changeLines(change: Change): string[] {
  const { events, more } = change.madeBy;
  const by = events.map(({ position, type }) => `${type} ${position}`);
  const rest = more > 0 ? `${more} earlier, ` : '';
  const fields = change.change === 'changed' ? change.fields.map(fieldLine) : [];
  const made = by.length > 0 ? [`      by ${rest}${by.join(', ')}`] : [];
  return [printable(`  ${signs[change.change]} ${change.name}${sayRow(change)}`), ...fields, ...made];
}

/** Of what came or went, the members that tell most. */
function sayRow(change: Change): string {
  if (change.change === 'changed') return '';
  const row = change.change === 'added' ? change.after : change.before;
  const told = ['node', 'image', 'replicas', 'status', 'state', 'availability'].filter(
    (member) => row[member] !== undefined && row[member] !== change.name,
  );
  return `  ${told.map((member) => `${member} ${showValue(row[member])}`).join(', ')}`;
}

const fieldLine = ({ field, before, after }: FieldChange) =>
  printable(`      ${field}: ${showValue(before)} → ${showValue(after)}`);

const showValue = (value: unknown): string => {
  if (value === null || value === undefined) return 'none';
  return typeof value === 'string' ? value : JSON.stringify(value);
};
