/** The command `coctl logs`: what a container prints, or all containers of a service. */

import type { Command } from 'commander';
import { systemClock } from '../../clock.ts';
import { AppError } from '../../errors.ts';
import { type CliContext, exitCodes } from '../output/context.ts';
import { addExamples } from '../output/examples.ts';
import { createPrefixes, printableLine } from '../output/log-lines.ts';
import { type ApiOptions, addApiOptions, createApi } from '../sources/api.ts';
import { parseDuration } from '../sources/duration.ts';
import { runningContainer } from '../sources/running-container.ts';
import { checkServiceName, isContainer } from '../sources/subject-name.ts';

type Options = ApiOptions & { follow?: boolean; tail?: string; since?: string; timestamps?: boolean; json?: boolean };

type Line = {
  container?: string;
  at?: string;
  output?: string;
  text?: string;
  problem?: { code: string; detail: string };
};

export function addLogsCommand(program: Command, context: CliContext): void {
  const command = program
    .command('logs <service|container>')
    .description('Shows what a container, or every container of a service, printed')
    .option('-f, --follow', 'and what it prints from now on')
    .option('--tail <lines>', 'begins with so many of the last lines, or all')
    .option('--since <time>', 'leaves out what is older: 90m, 24h or 7d ago, or a time in UTC')
    .option('--timestamps', 'each line with its time')
    .option('--json', 'for programs: an object a line')
    .action((name: string, options: Options) => showLogs(name, options, context));
  addApiOptions(command);
  addExamples(command, [
    ['logs web -f', 'every replica, each with its own colour, new ones too'],
    ['logs web.1 --tail 20 --timestamps', 'the last lines of the container that runs in this slot'],
    ['logs web --since 90m --json', 'for programs'],
  ]);
}

async function showLogs(name: string, options: Options, context: CliContext): Promise<void> {
  const api = createApi(context, options);
  const isOne = isContainer(name);
  if (!isOne) checkServiceName(name);
  const subject = isOne ? `container/${await runningContainer(api, name)}` : `service/${name}`;
  const path = `/${subject}/logs?${toQuery(options)}`;
  const { hasColors } = context;
  const prefixOf = isOne ? () => '' : createPrefixes(hasColors);
  const leaving = new AbortController();
  let failed: AppError | null = null;
  for await (const text of api.lines(path, leaving.signal)) {
    const line = JSON.parse(text) as Line;
    if (line.problem) {
      const { code, detail } = line.problem;
      if (line.container === undefined) failed = new AppError(code, detail);
      else context.printError(`${line.container}: ${detail}`);
      // That one has ended is no failure: its last lines follow.
      if (line.container !== undefined && code !== 'container_not_running') context.exitWith(exitCodes.different);
    } else if (options.json) context.printWhole(text);
    else {
      const at = options.timestamps && line.at ? `${line.at} ` : '';
      context.printWhole(`${prefixOf(line.container ?? '')}${at}${printableLine(line.text ?? '', hasColors)}`);
    }
  }
  if (failed) throw failed;
}

function toQuery({ follow, tail, since, timestamps }: Options): URLSearchParams {
  const query = new URLSearchParams({ format: 'ndjson' });
  if (follow) query.set('follow', 'true');
  if (tail !== undefined) query.set('tail', tail);
  if (since !== undefined) query.set('since', toTime(since));
  if (timestamps) query.set('timestamps', 'true');
  return query;
}

const toTime = (since: string): string =>
  /^\d+[a-z]$/.test(since) ? new Date(systemClock.nowMs() - parseDuration('--since', since)).toISOString() : since;
