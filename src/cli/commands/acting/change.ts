/** What every change of services has in common: its options, its calls, the wait until the cluster is there, and what is said. */

import type { Command } from 'commander';
import type { WhatIfAnswer } from '../../../history/what-if/what-if.ts';
import { createChangeDisplay } from '../../output/change-display.ts';
import { type CliContext, exitCodes } from '../../output/context.ts';
import { printable } from '../../output/table.ts';
import { whatIfTables } from '../../output/what-if-tables.ts';
import { type Api, type ApiOptions, addApiOptions, createApi } from '../../sources/api.ts';
import type { Target } from '../../sources/convergence.ts';
import { parseDuration } from '../../sources/duration.ts';
import { type Reached, watchServices } from '../../sources/watch-services.ts';

export type ChangeOptions = ApiOptions & { detach?: boolean; timeout?: string; dryRun?: boolean; json?: boolean };

/** One call that changes services. */
export type Change = {
  method: 'POST' | 'PATCH' | 'DELETE';
  path: string;
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
  /** What is waited for: services that converge, that are gone, or nothing. Default converged. */
  until?: 'converged' | 'removed' | 'accepted';
};

type Accepted = { serviceName: string; generation: number; changed: boolean };
type AcceptedBody = { position: number; services: Accepted[] };
type DryRunBody = { dryRun: true; services: Accepted[]; plan: WhatIfAnswer };

/** A rollout of many replicas, each with a while to prove itself. */
const timeoutDefault = '10m';

export function addChangeOptions(command: Command): Command {
  command
    .option('--detach', 'does not wait until the cluster has come to it')
    .option('--timeout <duration>', `how long to wait, such as 90s or 10m (default: ${timeoutDefault})`)
    .option('--dry-run', 'says what would follow, and changes nothing')
    .option('--json', 'for programs');
  return addApiOptions(command).addHelpText(
    'after',
    '\nWaits until the services have converged. Exit code 4: the change was made, and they do not; the reason is said.',
  );
}

export type Made = { position: number; accepted: Accepted; until: Change['until'] };
/** What was made of changes, and what became of those that were waited for. */
export type Outcome = { made: Made[]; ends: Reached[] };

/**
 * Makes the changes one after the other, waits for all of them together, and says how they ended.
 * @throws AppError of the first that is refused; those before it are made
 */
export async function makeChanges(
  changes: readonly Change[],
  options: ChangeOptions,
  context: CliContext,
): Promise<void> {
  const api = createApi(context, options);
  if (options.dryRun) return showPlans(api, changes, options, context);
  reportOutcome(await performChanges(api, changes, options, context), options, context);
}

/** As `makeChanges`; what there is to say is left to the caller. */
export async function performChanges(
  api: Api,
  changes: readonly Change[],
  options: ChangeOptions,
  context: CliContext,
): Promise<Outcome> {
  const timeoutMs = timeoutOf(options);
  const made = await submitChanges(api, changes, context);
  return followChanges(api, made, { timeoutMs, isDetached: options.detach ?? false }, context);
}

/** @throws AppError `usage_invalid` */
export const timeoutOf = ({ timeout = timeoutDefault }: ChangeOptions): number => parseDuration('--timeout', timeout);

/** @throws AppError of the first that is refused; those before it are made */
export async function submitChanges(api: Api, changes: readonly Change[], context: CliContext): Promise<Made[]> {
  const made: Made[] = [];
  for (const { method, path, body, headers, until } of changes) {
    const { position, services } = await api.call<AcceptedBody>(method, path, body, headers).catch((error) => {
      for (const { accepted } of made) {
        context.printError(`${accepted.serviceName} was changed before this was refused:`);
      }
      throw error;
    });
    made.push(...services.map((accepted) => ({ position, accepted, until })));
  }
  return made;
}

/** Waits for all of them together. */
export async function followChanges(
  api: Api,
  made: Made[],
  { timeoutMs, isDetached }: { timeoutMs: number; isDetached: boolean },
  context: CliContext,
): Promise<Outcome> {
  if (isDetached) return { made, ends: [] };
  const targets = made.flatMap(({ position, accepted: { serviceName, generation }, until }): Target[] =>
    until === 'accepted'
      ? []
      : [{ service: serviceName, position, generation: until === 'removed' ? null : generation }],
  );
  return { made, ends: await waitFor(api, targets, timeoutMs, context) };
}

export function reportOutcome({ made, ends }: Outcome, { json }: ChangeOptions, context: CliContext): void {
  const endOf = new Map(ends.map((end) => [end.service, end]));
  if (json) {
    const services = made.map(({ accepted }) => ({ ...accepted, ...outcomeOf(endOf.get(accepted.serviceName)) }));
    context.printJson({ position: Math.max(0, ...made.map(({ position }) => position)), services });
  } else {
    for (const { accepted } of made) if (!endOf.has(accepted.serviceName)) context.print(describeAccepted(accepted));
    for (const end of ends) if (end.reason === null) context.print(describeReached(end));
  }
  reportFailures(ends, context);
}

/** Follows them to the end, on the terminal in a line a replica. @throws what `watchServices` throws */
export async function waitFor(
  api: Api,
  targets: readonly Target[],
  timeoutMs: number,
  context: CliContext,
): Promise<Reached[]> {
  const { signal } = context;
  const ends = await watchServices(api, targets, { timeoutMs, signal, onLook: createChangeDisplay(context) }).catch(
    (error) => {
      if (targets.length > 0) context.printError('what was changed stays so, whether it is waited for or not');
      throw error;
    },
  );
  return Promise.all(ends.map((end, index) => explainReplaced(api, targets[index]!, end)));
}

type Generations = { generations: { generation: number; reason: string | null }[] };

/** A generation that another replaced may have failed first, as the manager remembers. */
async function explainReplaced(api: Api, { generation }: Target, end: Reached): Promise<Reached> {
  if (end.reason === null || end.row === null || generation === null || end.row.generation <= generation) return end;
  const { generations } = await api.get<Generations>(`/service/${end.service}/generations?limit=10`);
  const why = generations.find((candidate) => candidate.generation === generation)?.reason ?? null;
  return why === null ? end : { ...end, reason: `${end.reason}, because ${why}` };
}

export function reportFailures(ends: readonly Reached[], context: CliContext): void {
  const failures = ends.filter(({ reason }) => reason !== null);
  for (const { service, reason } of failures) context.printError(printable(`${service} did not converge: ${reason}`));
  if (failures.length > 0) context.exitWith(exitCodes.unconverged);
}

const outcomeOf = (end: Reached | undefined) =>
  end === undefined
    ? { outcome: 'accepted', reason: null }
    : { outcome: end.reason !== null ? 'unconverged' : (end.row?.status ?? 'removed'), reason: end.reason };

export function describeReached({ service, row }: Reached): string {
  if (row === null) return `${service} is removed`;
  const { status, running, replicas, generation, mode } = row;
  const how = mode === 'job' ? '' : `: ${running} of ${replicas} running`;
  return `${service} ${status === 'completed' ? 'is completed' : 'has converged'}${how}, generation ${generation}`;
}

const describeAccepted = ({ serviceName, generation, changed }: Accepted) =>
  `${serviceName}: generation ${generation} ${changed ? 'is accepted' : 'is as it was'}`;

async function showPlans(
  api: Api,
  changes: readonly Change[],
  { json }: ChangeOptions,
  context: CliContext,
): Promise<void> {
  const plans: DryRunBody[] = [];
  for (const { method, path, body, headers } of changes) {
    plans.push(await api.call<DryRunBody>(method, `${path}?dryRun=true`, body, headers));
  }
  if (json) return context.printJson(plans.length === 1 ? plans[0] : plans);
  for (const { plan } of plans) for (const line of whatIfTables(plan, context)) context.print(line);
}
