/** The command `coctl diff`: what changed between two points in time, field by field, and the events that did it. */

import type { Command } from 'commander';
import { systemClock } from '../../clock.ts';
import { AppError } from '../../errors.ts';
import { diffKinds, type FieldChange } from '../../history/diff/diff.ts';
import { type Change, type DiffBody, diffBetween, stateRows } from '../../history/diff/diff-between.ts';
import { formatCount, formatTime } from '../../history/sentences/format-values.ts';
import { type CliContext, exitCodes } from '../output/context.ts';
import { addExamples } from '../output/examples.ts';
import { printable } from '../output/table.ts';
import { type AskOptions, addAskOptions, ask } from '../sources/ask.ts';
import type { LogSource } from '../sources/log-source.ts';
import { readView } from '../sources/past-view.ts';
import { parsePointInTime, queryPoint } from '../sources/point-in-time.ts';

type Options = AskOptions & { json?: boolean };

export function addDiffCommand(program: Command, context: CliContext): void {
  const command = program
    .command('diff <from> [to]')
    .description(
      'What changed between two points in time, each a position, a time or how long ago; to is now when it is left out',
    )
    .option('--json', 'for programs');
  addAskOptions(command).addHelpText('after', '\nExit code 1: something changed.');
  addExamples(command, [
    ['diff 2026-01-31T14:00:00Z', 'what changed since 14:00'],
    ['diff 5m', 'what changed in the last five minutes'],
    ['diff 1500 1800', 'what the events 1501 to 1800 changed'],
    ['diff 1500 --offline', 'what the log in ./data says, without a manager'],
  ]);
  command.action(async (from: string, to: string | undefined, options: Options) => {
    const nowMs = systemClock.nowMs();
    const points = {
      from: queryPoint('<from>', from, nowMs),
      ...(to === undefined ? {} : { to: queryPoint('[to]', to, nowMs) }),
    };
    const search = new URLSearchParams(points);
    const diff = await ask<DiffBody>(options, context, {
      online: (api) => api.get(`/diff?${search}`),
      offline: (source) => compare(source, { from, to }, context),
    });
    if (options.json) context.printJson(diff);
    else for (const line of diffLines(diff)) context.print(line);
    if (diffKinds.some((kind) => diff[kind].changes.length > 0)) context.exitWith(exitCodes.different);
  });
}

async function compare(
  source: LogSource,
  { from, to }: { from: string; to: string | undefined },
  context: CliContext,
): Promise<DiffBody> {
  const nowMs = systemClock.nowMs();
  const bounds = {
    from: parsePointInTime('<from>', from, nowMs),
    to: to === undefined ? ('head' as const) : parsePointInTime('[to]', to, nowMs),
  };
  const before = stateRows(await readView(source, context, bounds.from));
  const after = stateRows(await readView(source, context, bounds.to));
  if (before.position > after.position) throw new AppError('usage_invalid', '<from> must not be after [to]');
  return diffBetween(source.log, before, after, context.signal);
}

/** For people. */
function diffLines(diff: DiffBody): string[] {
  const { from, to, events } = diff;
  const span = `from position ${from.position}, ${formatTime(from.at)}, to position ${to.position}, ${formatTime(to.at)}`;
  const unread =
    events.unreadThrough === null ? [] : [`events up to position ${events.unreadThrough} were not looked at`];
  const kinds = diffKinds.filter((kind) => diff[kind].changes.length > 0);
  if (kinds.length === 0) return [span, 'nothing changed'];
  return [
    span,
    ...unread,
    ...kinds.flatMap((kind) => {
      const { added, removed, changed, changes, more } = diff[kind];
      const rest = more > 0 ? [`  and ${formatCount(more, 'more change')}`] : [];
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
  return [printable(`  ${signs[change.change]} ${change.name}${describeRow(change)}`), ...fields, ...made];
}

/** Of what came or went, the members that say most. */
function describeRow(change: Change): string {
  if (change.change === 'changed') return '';
  const row = change.change === 'added' ? change.after : change.before;
  const shown = ['node', 'image', 'replicas', 'status', 'state', 'availability'].filter(
    (member) => row[member] !== undefined && row[member] !== change.name,
  );
  return `  ${shown.map((member) => `${member} ${showValue(row[member])}`).join(', ')}`;
}

const fieldLine = ({ field, before, after }: FieldChange) =>
  printable(`      ${field}: ${showValue(before)} → ${showValue(after)}`);

const showValue = (value: unknown): string => {
  if (value === null || value === undefined) return 'none';
  return typeof value === 'string' ? value : JSON.stringify(value);
};
