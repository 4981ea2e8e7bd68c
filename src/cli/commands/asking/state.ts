/** The command `coctl state`: the state of the cluster, now or as of a point in its past, from a manager or from the log. */

import type { Command } from 'commander';
import { systemClock } from '../../../clock.ts';
import { type StateBody, stateBody } from '../../../projections/rows/state-bodies.ts';
import type { CliContext } from '../../output/context.ts';
import { addExamples } from '../../output/examples.ts';
import { addFormatOptions, type FormatOptions, formatOf, printLines, valueLines } from '../../output/formats.ts';
import { stateTables } from '../../output/state-tables.ts';
import { watchLines } from '../../output/watch.ts';
import { addAskOptions } from '../../sources/ask.ts';
import { pointInTimeHelp } from '../../sources/point-in-time.ts';
import { readState, type StateOptions } from '../../sources/read-state.ts';

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
  const { containers = false, watch = false, at } = options;
  const format = formatOf(options);
  const ask = async () => {
    const body = await readState<StateBody>(
      { path: '/state', build: (view, source) => stateBody(view, { log: source, bus: 'none: a replay' }) },
      options,
      context,
    );
    if (format === 'json' || format === 'yaml') return valueLines(body, format);
    const nowMs = at === undefined ? systemClock.nowMs() : Date.parse(body.at);
    return stateTables(body, { containers, nowMs, isWide: format === 'wide', look: context });
  };
  if (watch) await watchLines(ask, context);
  else printLines(await ask(), context);
}
