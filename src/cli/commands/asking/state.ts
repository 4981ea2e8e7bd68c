/** The command `coctl state`: the state of the cluster, now or as of a point in its past, from a manager or from the log. */

import type { Command } from 'commander';
import { systemClock } from '../../../clock.ts';
import { type StateBody, stateBody } from '../../../projections/rows/state-bodies.ts';
import type { CliContext } from '../../output/context.ts';
import { addExamples } from '../../output/examples.ts';
import { addFormatOptions, type FormatOptions, formatOf, printLines, valueLines } from '../../output/formats.ts';
import { stateTables } from '../../output/state-tables.ts';
import { addAskOptions } from '../../sources/ask.ts';
import { pointInTimeHelp } from '../../sources/point-in-time.ts';
import { readState, type StateOptions } from '../../sources/read-state.ts';
import { watch } from './watch.ts';

type Options = StateOptions & FormatOptions & { containers?: boolean; watch?: boolean };

export function addStateCommand(program: Command, context: CliContext): void {
  const command = program
    .command('state')
    .description('The state of the cluster, now or as of a point in its past')
    .option('--at <point>', pointInTimeHelp)
    .option('--containers', 'the containers too')
    .option('--watch', 'shows it again when it changes, until Ctrl-C')
    .action((options: Options) => showState(options, context));
  addFormatOptions(command, ['table', 'wide', 'json', 'yaml']);
  addAskOptions(command);
  addExamples(command, [
    ['state', 'services and nodes, now'],
    ['state --at 1500 --containers', 'as of the event at position 1500'],
    ['state --at "2026-01-31 14:03" --json', 'as of then, for a program'],
    ['state --offline', 'of the log, without a manager'],
  ]);
}

async function showState(options: Options, context: CliContext): Promise<void> {
  const { containers = false, at } = options;
  const format = formatOf(options);
  const read = () =>
    readState<StateBody>(
      { path: '/state', build: (view, source) => stateBody(view, { log: source, bus: 'none: a replay' }) },
      options,
      context,
    );
  const linesOf = (body: StateBody, nowMs: number) => {
    if (format === 'json' || format === 'yaml') return valueLines(body, format);
    return stateTables(body, { containers, nowMs, isWide: format === 'wide', look: context });
  };
  if (options.watch) {
    const isMoving = (body: StateBody) =>
      format === 'wide' || (containers && body.containers.some(({ state }) => state === 'starting'));
    return watch({ read, linesOf, positionOf: ({ position }) => position, isMoving }, options, context);
  }
  const body = await read();
  printLines(linesOf(body, at === undefined ? systemClock.nowMs() : Date.parse(body.at)), context);
}
