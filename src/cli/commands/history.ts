/** The command `coctl history`: everything that happened to a service, a node or a container, a line an event. */

import { type Command, Option } from 'commander';
import { systemClock } from '../../clock.ts';
import { type History, readHistory, type SubjectKind, subjectKinds } from '../../history/explain/subject-history.ts';
import type { ReadEvents } from '../../history/read-last.ts';
import { formatDuration, formatTime } from '../../history/sentences/format-values.ts';
import { type CliContext, exitCodes } from '../output/context.ts';
import { addExamples } from '../output/examples.ts';
import { printable } from '../output/table.ts';
import { type AskOptions, addAskOptions, ask } from '../sources/ask.ts';
import { parseTime } from '../sources/point-in-time.ts';
import { readEventsThrough } from '../sources/read-events.ts';
import { checkSubjectName } from '../sources/subject-name.ts';
import { parseLimit } from './option-parsers.ts';

type Options = AskOptions & { kind?: SubjectKind; since?: string; until?: string; limit: number; json?: boolean };

const limitDefault = 50;

export function addHistoryCommand(program: Command, context: CliContext): void {
  const command = program
    .command('history <service|node|container>')
    .description(
      'Everything that happened to a service, a node or a container: when, how long after the event before, what',
    )
    .addOption(new Option('--kind <kind>', 'what the name is of, where the log knows two').choices(subjectKinds))
    .option('--since <time>', 'not earlier than: 2026-01-31 14:03, 14:03, yesterday, 5m (ago)')
    .option('--until <time>', 'not later than')
    .option('--limit <count>', 'the last so many', parseLimit, limitDefault)
    .option('--json', 'for programs');
  addAskOptions(command).addHelpText('after', '\nExit code 1: nothing happened in that time.');
  addExamples(command, [
    ['history web', 'what happened to the service web and its containers'],
    ['history worker-1 --since 14:00', 'what happened to the node since 14:00 of today, in UTC'],
    ['history web --since 1h', 'of the last hour'],
    ['history web.1-4k --json', 'the life of one container, for programs'],
    ['history web --file log.ndjson.gz', 'of an exported log'],
  ]);
  command.action(async (name: string, options: Options) => {
    checkSubjectName(name);
    const { limit, kind } = options;
    const nowMs = systemClock.nowMs();
    const since = options.since && parseTime('--since', options.since, nowMs);
    const until = options.until && parseTime('--until', options.until, nowMs);
    const show = (read: ReadEvents) =>
      readHistory(read, name, {
        limit,
        signal: context.signal,
        ...(kind === undefined ? {} : { kind }),
        ...(since === undefined ? {} : { since }),
        ...(until === undefined ? {} : { until }),
      });
    const history = await ask(options, context, {
      online: (api) => show(readEventsThrough(api)),
      offline: ({ log }) => show(log.read),
    });
    if (options.json) context.printJson(history);
    else for (const line of historyLines(history)) context.print(line);
    if (history.lines.length === 0) context.exitWith(exitCodes.different);
  });
}

/** For people. */
function historyLines({ kind, name, lines, isCut }: History): string[] {
  if (lines.length === 0) return [`nothing happened to ${kind} ${name} in that time`];
  const after = lines.map(({ afterMs }) => (afterMs === null ? '' : `+${formatDuration(afterMs)}`));
  const width = Math.max(...after.map((text) => text.length));
  const shown = lines.map(
    ({ at, sentence }, index) => `${formatTime(at)}  ${after[index]!.padStart(width)}  ${printable(sentence)}`,
  );
  return isCut ? [`earlier events are left out: --limit shows more, --until goes back`, ...shown] : shown;
}
