/** The command `coctl top`: what containers use now, as their engines say. */

import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import { createSemaphore } from '../../concurrency/semaphore.ts';
import { AppError } from '../../errors.ts';
import { formatBytes } from '../../history/sentences/format-values.ts';
import type { CliContext } from '../output/context.ts';
import { addExamples } from '../output/examples.ts';
import { printLines } from '../output/formats.ts';
import { type Column, formatTable } from '../output/table.ts';
import { type Api, type ApiOptions, addApiOptions, createApi } from '../sources/api.ts';

type Options = ApiOptions & { watch?: boolean; json?: boolean };

type Stats = {
  container: string;
  service: string;
  node: string;
  cpuMillis: number;
  memoryBytes: number;
  memoryLimitBytes: number | null;
};
/** `problem`: why there are no figures. */
type Row = Pick<Stats, 'container' | 'service' | 'node'> & Partial<Stats> & { problem?: string };

type Listed = { container: string; service: string; node: string; state: string };

/** Each takes its engine a second or two. */
const askedAtOnce = 16;
const watchPauseMs = 1_000;
const clearScreen = '\u001b[H\u001b[2J';

export function addTopCommand(program: Command, context: CliContext): void {
  const command = program
    .command('top [service]')
    .description('Shows the CPU and memory that running containers use, the busiest first')
    .option('-w, --watch', 'again and again, until Ctrl-C')
    .option('--json', 'for programs')
    .action((service: string | undefined, options: Options) => showTop(service, options, context));
  addApiOptions(command);
  addExamples(command, [
    ['top', 'every container that runs'],
    ['top web --watch', 'those of a service, as it goes on'],
  ]);
}

const columns: readonly Column<Row>[] = [
  { title: 'CONTAINER', cell: ({ container }) => container },
  { title: 'NODE', cell: ({ node }) => node },
  { title: 'CPU', cell: ({ cpuMillis }) => (cpuMillis === undefined ? null : `${(cpuMillis / 10).toFixed(1)}%`) },
  { title: 'MEMORY', cell: ({ memoryBytes }) => (memoryBytes === undefined ? null : formatBytes(memoryBytes)) },
  { title: 'OF', cell: ({ memoryLimitBytes }) => (memoryLimitBytes ? formatBytes(memoryLimitBytes) : null) },
  { title: 'PROBLEM', cell: ({ problem }) => problem ?? '' },
];

async function showTop(service: string | undefined, options: Options, context: CliContext): Promise<void> {
  const api = createApi(context, options);
  do {
    const rows = await readRows(api, service);
    if (options.json) context.printJson({ containers: rows });
    else {
      if (options.watch && context.isTerminal) context.write(clearScreen);
      printLines(formatTable(columns, rows, context), context);
    }
    if (options.watch) await pause(watchPauseMs, undefined, { signal: context.signal }).catch(() => {});
  } while (options.watch && !context.signal.aborted);
}

async function readRows(api: Api, service: string | undefined): Promise<Row[]> {
  // An unknown one is refused, where an empty table would say that nothing runs.
  if (service !== undefined) await api.get(`/service/${encodeURIComponent(service)}`);
  const { containers } = await api.get<{ containers: Listed[] }>('/container_state');
  const running = containers.filter((one) => one.state === 'running' && (service ?? one.service) === one.service);
  const semaphore = createSemaphore({ permits: askedAtOnce });
  const rows = await Promise.all(running.map((one) => semaphore.run(() => readRow(api, one))));
  return rows.sort((a, b) => (b.cpuMillis ?? -1) - (a.cpuMillis ?? -1) || (a.container < b.container ? -1 : 1));
}

async function readRow(api: Api, { container, service, node }: Listed): Promise<Row> {
  try {
    return await api.get<Stats>(`/container/${encodeURIComponent(container)}/stats`);
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'api_unreachable') throw error;
    return { container, service, node, problem: error.message };
  }
}
