/** The commands `coctl apply` and `coctl plan`: the services of files, ours or of Compose. */

import type { Command } from 'commander';
import { AppError } from '../../../errors.ts';
import type { ServiceStateBody } from '../../../projections/rows/state-bodies.ts';
import { type Definition, readDefinition } from '../../compose/read-files.ts';
import { startGroups } from '../../compose/start-order.ts';
import { type CliContext, exitCodes } from '../../output/context.ts';
import { addExamples } from '../../output/examples.ts';
import { type SpecChange, type Supposed, supposedLines } from '../../output/spec-diff.ts';
import { printable } from '../../output/table.ts';
import { type Api, type ApiOptions, addApiOptions, createApi } from '../../sources/api.ts';
import { collect } from '../option-parsers.ts';
import {
  addChangeOptions,
  type Change,
  type ChangeOptions,
  type Outcome,
  performChanges,
  reportOutcome,
} from './change.ts';

type FileOptions = { file: string[]; project?: string; profile?: string[]; prune?: boolean; partial?: boolean };
type ApplyOptions = ChangeOptions & FileOptions;
type PlanOptions = ApiOptions & FileOptions & { json?: boolean };

/** Containers of a project have it; `--prune` goes by it. */
const projectLabel = 'coctl.project';

const filesHelp = `
Files hold services as POST /service takes them, in YAML or JSON ({services: […]}, or a service a document), or are compose
files, merged in their order. Variables come from the shell and from .env beside the first file. What a compose file says
and no service here can do is named; where a container would not work without it, the file is refused unless --partial.`;

export function addApplyCommand(program: Command, context: CliContext): void {
  const command = addFileOptions(program.command('apply'))
    .description('Creates and edits the services of files, in one commit')
    .action((options: ApplyOptions) => apply(options, context));
  addChangeOptions(command).addHelpText('after', filesHelp);
  addExamples(command, [
    ['apply -f compose.yaml', 'those that others depend on are started first'],
    ['apply -f shop.yaml --prune --project shop', 'and removes what the file no longer has'],
    ['apply -f compose.yaml -f production.yaml --detach', 'two files merged, without waiting'],
  ]);
}

export function addPlanCommand(program: Command, context: CliContext): void {
  const command = addFileOptions(program.command('plan'))
    .description('What `coctl apply` would change in each service, and what would move; changes nothing')
    .option('--json', 'for programs')
    .action((options: PlanOptions) => plan(options, context));
  addApiOptions(command).addHelpText('after', `${filesHelp}\nExit code 1: something would change.`);
  addExamples(command, [
    ['plan -f compose.yaml', 'the difference to what is there, and the plan'],
    ['plan -f shop.yaml --prune --project shop', 'also what would be removed'],
  ]);
}

const addFileOptions = (command: Command): Command =>
  command
    .requiredOption('-f, --file <file>', 'may be given several times; - is standard input', collect)
    .option('--project <name>', 'whose services they are (default: of compose files their name, or their folder)')
    .option('--profile <name>', 'also the services of this profile; may be given several times', collect)
    .option('--prune', 'removes services of the project that the files do not have')
    .option('--partial', 'takes a compose file also where a container would not work without what is left out');

async function read(options: FileOptions, context: CliContext): Promise<Definition> {
  const { file, project, profile: profiles = [], partial, prune } = options;
  const definition = await readDefinition(file, {
    ...(project === undefined ? {} : { project }),
    ...{ profiles, environment: context.environment },
  });
  if (prune && definition.project === null) {
    throw new AppError('usage_invalid', '--prune goes by the project of the services: name it with --project');
  }
  for (const { field, why } of definition.notes) context.printError(printable(`not honoured: ${field}: ${why}`));
  const essential = definition.notes.filter(({ isEssential }) => isEssential);
  if (essential.length > 0 && !partial) {
    const fields = essential.map(({ field }) => field).join(', ');
    throw new AppError(
      'usage_invalid',
      `${fields} cannot be left out without --partial: containers would not do what the file says`,
    );
  }
  return definition;
}

/** With the label of the project, where there is one. */
function requestsOf({ services, project }: Definition) {
  if (project === null) return services;
  return services.map(({ container, ...service }) => ({
    ...service,
    container: { ...container, labels: { ...(container.labels as object | undefined), [projectLabel]: project } },
  }));
}

async function apply(options: ApplyOptions, context: CliContext): Promise<void> {
  if (options.dryRun) return plan(options, context);
  const definition = await read(options, context);
  const api = createApi(context, options);
  const requests = requestsOf(definition);
  const existing = await namesOf(api);
  const surplus = options.prune ? await findSurplus(api, definition, existing) : [];
  const total: Outcome = { made: [], ends: [] };
  const add = ({ made, ends }: Outcome) => {
    total.made.push(...made);
    total.ends.push(...ends);
    return ends.every(({ reason }) => reason === null);
  };
  const groups = groupsOf(definition, existing, options.detach ?? false);
  for (const [index, group] of groups.entries()) {
    const services = requests.filter(({ serviceName }) => group.has(serviceName));
    const change: Change = { method: 'POST', path: '/service', body: { services } };
    const isReached = add(await performChanges(api, [change], options, context));
    const left = groups.slice(index + 1).flatMap((later) => [...later]);
    if (isReached || left.length === 0) continue;
    context.printError(`not started, for they depend on it: ${left.join(', ')}`);
    return reportOutcome(total, options, context);
  }
  const removals = surplus.map((name): Change => ({ method: 'DELETE', path: `/service/${name}`, until: 'removed' }));
  if (removals.length > 0) add(await performChanges(api, removals, options, context));
  reportOutcome(total, options, context);
}

/** One group, unless services that are not there yet depend on each other: then those first that others wait for. */
function groupsOf({ services, dependencies }: Definition, existing: ReadonlySet<string>, isDetached: boolean) {
  const all = services.map(({ serviceName }) => serviceName);
  const started = all.filter((name) => !existing.has(name));
  const [first = [], ...later] = startGroups(new Map(started.map((name) => [name, dependencies.get(name) ?? []])));
  if (isDetached || later.length === 0) return [new Set(all)];
  return [new Set([...all.filter((name) => existing.has(name)), ...first]), ...later.map((group) => new Set(group))];
}

const namesOf = async (api: Api): Promise<Set<string>> => {
  const { services } = await api.get<ServiceStateBody>('/service_state');
  return new Set(services.filter(({ status }) => status !== 'removing').map(({ serviceName }) => serviceName));
};

/** Services of the project that the files do not have. */
async function findSurplus(
  api: Api,
  { project, services }: Definition,
  existing: ReadonlySet<string>,
): Promise<string[]> {
  const kept = new Set(services.map(({ serviceName }) => serviceName));
  const found: string[] = [];
  for (const name of existing) {
    if (kept.has(name)) continue;
    const { container } = await api.get<{ container: { labels?: Record<string, string> } }>(`/service/${name}`);
    if (container.labels?.[projectLabel] === project) found.push(name);
  }
  return found;
}

async function plan(options: PlanOptions, context: CliContext): Promise<void> {
  const definition = await read(options, context);
  const api = createApi(context, options);
  const surplus = options.prune ? await findSurplus(api, definition, await namesOf(api)) : [];
  const services = requestsOf(definition);
  const supposed = await api.call<Supposed>('POST', '/service?dryRun=true', { services });
  const removed = surplus.map((serviceName): SpecChange => ({ serviceName, before: {}, after: null }));
  const { isDifferent, lines } = supposedLines({ ...supposed, specs: [...supposed.specs, ...removed] });
  if (isDifferent) context.exitWith(exitCodes.different);
  if (options.json) return context.printJson({ ...supposed, removed: surplus });
  for (const line of lines) context.print(line);
}
