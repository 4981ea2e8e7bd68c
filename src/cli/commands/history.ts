/** The command `coctl history`: everything that happened to a service, a node or a container, a line an event. */

import { type Command, InvalidArgumentError, Option } from 'commander';
import type { EventQuery } from '../../events/log/event-log.ts';
import {
  type History,
  type ReadEvents,
  readHistory,
  type SubjectKind,
  subjectKinds,
} from '../../history/explain/subject-history.ts';
import { formatDuration, formatTime } from '../../history/sentences/format-values.ts';
import { type CliContext, exitCodes } from '../output/context.ts';
import { addExamples } from '../output/examples.ts';
import { printable } from '../output/table.ts';
import type { Api } from '../sources/api.ts';
import { type AskOptions, addAskOptions, ask } from '../sources/ask.ts';
import { checkSubjectName } from '../sources/subject-name.ts';

type Options = AskOptions & { kind?: SubjectKind; since?: string; until?: string; limit: number; json?: boolean };

const limitDefault = 50;
const limitMax = 10_000;

export function addHistoryCommand(program: Command, context: CliContext): void {
  const command = program
    .command('history <name>')
    .description(
      'Everything that happened to a service, a node or a container: when, how long after the event before, what',
    )
    .addOption(new Option('--kind <kind>', 'what the name is of, where the log knows two').choices(subjectKinds))
    .option('--since <time>', 'not earlier than, e.g. 2026-01-31T14:03:00Z', parseTime)
    .option('--until <time>', 'not later than', parseTime)
    .option('--limit <count>', `the last so many, at most ${limitMax}`, parseLimit, limitDefault)
    .option('--json', 'for programs');
  addAskOptions(command).addHelpText('after', '\nExit code 1: nothing happened in that time.');
  addExamples(command, [
    ['history web', 'what happened to the service web and its containers'],
    ['history worker-1 --since 2026-01-31T14:00:00Z', 'what happened to the node since 14:00'],
    ['history web.1-4k --json', 'the life of one container, for programs'],
    ['history web --file log.ndjson.gz', 'of an exported log'],
  ]);
  command.action(async (name: string, options: Options) => {
    checkSubjectName(name);
    const { limit, kind, since, until } = options;
    const show = (read: ReadEvents) =>
      readHistory(read, name, {
        limit,
        signal: context.signal,
        ...(kind === undefined ? {} : { kind }),
        ...(since === undefined ? {} : { since }),
        ...(until === undefined ? {} : { until }),
      });
    const history = await ask(options, context, {
      online: (api) => show(readThrough(api)),
      offline: ({ log }) => show(log.read),
    });
    if (options.json) context.printJson(history);
    else for (const line of historyLines(history)) context.print(line);
    if (history.lines.length === 0) context.exitWith(exitCodes.different);
  });
}

function readThrough(api: Pick<Api, 'get'>): ReadEvents {
  return ({ streams, ...query }: EventQuery) => {
    const members = { ...query, ...(streams ? { stream: streams.join(',') } : {}) };
    const search = new URLSearchParams(
      Object.entries(members).map(([name, value]): [string, string] => [name, `${value}`]),
    );
    return api.get(`/events?${search}`);
  };
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

function parseTime(text: string): string {
  const time = new Date(text);
  if (!/Z$/.test(text) || Number.isNaN(time.getTime())) {
    throw new InvalidArgumentError('It is a time in UTC such as 2026-01-31T14:03:00Z.');
  }
  return time.toISOString();
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > limitMax) {
    throw new InvalidArgumentError(`It is a number from 1 to ${limitMax}.`);
  }
  return limit;
}
