/** The commands `coctl rollout …`: follows, steers and lists the rollouts of a service. */

import type { Command } from 'commander';
import { AppError } from '../../../errors.ts';
import { formatDuration, formatTime } from '../../../history/sentences/format-values.ts';
import type { ServiceStateBody } from '../../../projections/rows/state-bodies.ts';
import type { CliContext } from '../../output/context.ts';
import { addExamples } from '../../output/examples.ts';
import { printLines } from '../../output/formats.ts';
import { describeService } from '../../output/replica-lines.ts';
import { type Column, formatTable } from '../../output/table.ts';
import { type ApiOptions, addApiOptions, createApi } from '../../sources/api.ts';
import { parseDuration } from '../../sources/duration.ts';
import { checkServiceName } from '../../sources/subject-name.ts';
import {
  addChangeOptions,
  type ChangeOptions,
  describeReached,
  makeChanges,
  reportFailures,
  waitFor,
} from './change.ts';

export function addRolloutCommand(program: Command, context: CliContext): void {
  const group = program.command('rollout').description('Follows, steers and lists the rollouts of a service');
  addExamples(group, [
    ['rollout status web', 'follows it to its end'],
    ['rollout pause web', 'replaces no further container'],
    ['rollout history web', 'every generation, who asked for it, how it went'],
  ]);
  addStatus(group, context);
  for (const action of actions) addAction(group, context, action);
  addHistory(group, context);
}

const actions = [
  { name: 'pause', does: 'Replaces no further container', until: 'accepted' },
  { name: 'resume', does: 'Goes on with a paused rollout; failures are counted from zero', until: 'converged' },
  { name: 'promote', does: 'Goes on beyond the canaries', until: 'converged' },
  { name: 'abort', does: 'Gives the rollout up and goes back to what converged last', until: 'converged' },
] as const;

function addAction(group: Command, context: CliContext, { name, does, until }: (typeof actions)[number]): void {
  const command = group
    .command(`${name} <service>`)
    .description(does)
    .action((service: string, options: ChangeOptions) => {
      checkServiceName(service);
      return makeChanges([{ method: 'POST', path: `/service/${service}/rollout/${name}`, until }], options, context);
    });
  addChangeOptions(command);
  addExamples(command, [[`rollout ${name} web`, does.charAt(0).toLowerCase() + does.slice(1)]]);
}

type StatusOptions = ApiOptions & { timeout: string; wait: boolean; json?: boolean };

function addStatus(group: Command, context: CliContext): void {
  const command = group
    .command('status <service>')
    .description('Follows a service until it has converged')
    .option('--timeout <duration>', 'how long at most', '10m')
    .option('--no-wait', 'only says how it is')
    .option('--json', 'for programs')
    .action((service: string, options: StatusOptions) => showStatus(service, options, context));
  addApiOptions(command).addHelpText('after', '\nExit code 4: it does not converge; the reason is said.');
  addExamples(command, [
    ['rollout status web', 'a line a replica, until all are there'],
    ['rollout status web --no-wait', 'as it is now'],
  ]);
}

async function showStatus(service: string, options: StatusOptions, context: CliContext): Promise<void> {
  checkServiceName(service);
  const timeoutMs = parseDuration('--timeout', options.timeout);
  const api = createApi(context, options);
  const { position, services } = await api.get<ServiceStateBody>(`/service_state?service=${service}`);
  const row = services[0];
  if (!row) throw new AppError('service_not_found', `no service is called ${service}`);
  if (!options.wait) return options.json ? context.printJson(row) : context.print(describeService(row));
  const ends = await waitFor(api, [{ service, generation: row.generation, position }], timeoutMs, context);
  if (options.json) context.printJson(ends[0]!.row);
  else for (const end of ends) if (end.reason === null) context.print(describeReached(end));
  reportFailures(ends, context);
}

type Generation = {
  generation: number;
  at: string;
  actor: string;
  replicas: number;
  rollbackTo: number | null;
  outcome: string;
  convergedAfterMs: number | null;
  reason: string | null;
  container: { image: string };
};

const columns: readonly Column<Generation>[] = [
  { title: 'GENERATION', cell: ({ generation }) => generation },
  { title: 'WHEN', cell: ({ at }) => formatTime(at) },
  { title: 'BY', cell: ({ actor }) => actor },
  { title: 'IMAGE', cell: ({ container }) => container.image },
  { title: 'REPLICAS', cell: ({ replicas }) => replicas },
  { title: 'OUTCOME', cell: ({ outcome, rollbackTo }) => (rollbackTo ? `${outcome}, as ${rollbackTo}` : outcome) },
  {
    title: 'TOOK',
    cell: ({ convergedAfterMs }) => (convergedAfterMs === null ? null : formatDuration(convergedAfterMs)),
  },
  { title: 'REASON', cell: ({ reason }) => reason },
];

function addHistory(group: Command, context: CliContext): void {
  const command = group
    .command('history <service>')
    .description('Every generation of a service, newest first: who asked for it, and how it went')
    .option('--limit <count>', 'the last so many, at most 100', '20')
    .option('--json', 'for programs')
    .action(async (service: string, { limit, json, ...options }: ApiOptions & { limit: string; json?: boolean }) => {
      checkServiceName(service);
      const path = `/service/${service}/generations?limit=${encodeURIComponent(limit)}`;
      const answer = await createApi(context, options).get<{ generations: Generation[] }>(path);
      if (json) return context.printJson(answer);
      printLines(formatTable(columns, answer.generations, context), context);
    });
  addApiOptions(command);
  addExamples(command, [['rollout history web', 'what `coctl rollback web --to` takes']]);
}
