/** The command `coctl state`: the state of the cluster, now or as of a point in its past, from a running manager. */

import type { Command } from 'commander';
import type { StateBody } from '../../projections/rows/state-bodies.ts';
import type { CliContext } from '../output/context.ts';
import { addExamples } from '../output/examples.ts';
import { stateTables } from '../output/state-tables.ts';
import { type ApiOptions, addApiOptions, createApi } from '../sources/api.ts';

type Options = ApiOptions & { at?: string; containers?: boolean; json?: boolean };

export function addStateCommand(program: Command, context: CliContext): void {
  const command = program
    .command('state')
    .description('The state of the cluster, now or as of a point in its past')
    .option('--at <point>', 'a position such as 1500, or a time in UTC such as 2026-01-31T14:03:00Z')
    .option('--containers', 'the containers too')
    .option('--json', 'the body of GET /state')
    .action((options: Options) => showState(options, context));
  addApiOptions(command);
  addExamples(command, [
    ['state', 'services and nodes, now'],
    ['state --at 1500 --containers', 'as of the event at position 1500'],
    ['state --at 2026-01-31T14:03:00Z --json', 'as of then, for a program'],
  ]);
}

async function showState({ at, containers = false, json, ...where }: Options, context: CliContext): Promise<void> {
  const query = at === undefined ? '' : `?at=${encodeURIComponent(at)}`;
  const body = await createApi(context, where).get<StateBody>(`/state${query}`);
  if (json) context.printJson(body);
  else for (const line of stateTables(body, { containers })) context.print(line);
}
