/** The commands `coctl ps`, `coctl services` and `coctl nodes`: what there is, now or then, once or watched. */

import { type Command, Option } from 'commander';
import { systemClock } from '../../../clock.ts';
import { AppError } from '../../../errors.ts';
import { containerStates } from '../../../model/container.ts';
import {
  type ContainerStateBody,
  containerStateBody,
  type NodeStateBody,
  nodeStateBody,
  type ServiceStateBody,
  serviceStateBody,
} from '../../../projections/rows/state-bodies.ts';
import type { CliContext } from '../../output/context.ts';
import { addExamples } from '../../output/examples.ts';
import {
  addFormatOptions,
  type FormatOptions,
  formatOf,
  type List,
  listLines,
  printLines,
} from '../../output/formats.ts';
import { containerColumns, nodeColumns, serviceColumns } from '../../output/list-columns.ts';
import { addAskOptions } from '../../sources/ask.ts';
import { defined } from '../../sources/defined.ts';
import { pointInTimeHelp } from '../../sources/point-in-time.ts';
import { readState, type StateOptions } from '../../sources/read-state.ts';
import { checkNodeName, checkServiceName } from '../../sources/subject-name.ts';
import { watch } from './watch.ts';

type ListOptions = StateOptions & FormatOptions & { watch?: boolean; node?: string; service?: string };
type ContainerOptions = ListOptions & { all?: boolean; state?: (typeof containerStates)[number] };

function addListOptions(command: Command): Command {
  addFormatOptions(command)
    .option('--watch', 'shows it again when it changes, until Ctrl-C')
    .option('--at <point>', `as it was then: ${pointInTimeHelp}`);
  return addAskOptions(command);
}

async function show<T>(read: () => Promise<List<T>>, options: ListOptions, context: CliContext): Promise<void> {
  const format = formatOf(options);
  const linesOf = (list: List<T>, nowMs: number) => listLines(list, format, { nowMs, look: context });
  if (options.watch && options.at !== undefined) {
    throw new AppError('usage_invalid', '--watch follows the present, and --at is of the past');
  }
  if (options.watch) {
    const positionOf = ({ body }: List<T>) => body.position;
    return watch({ read, linesOf, positionOf, isMoving: ({ isMoving }) => isMoving }, options, context);
  }
  const list = await read();
  // Ages are counted to now, and of the past to then.
  const nowMs = options.at === undefined ? systemClock.nowMs() : Date.parse(list.body.at);
  printLines(linesOf(list, nowMs), context);
}

const queryOf = (members: Readonly<Record<string, string | undefined>>): string => {
  const given = Object.entries(members).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
};

export function addPsCommand(program: Command, context: CliContext): void {
  const command = program
    .command('ps [service]')
    .description('Containers: those that have not ended, and the last failure of a slot that has none running')
    .option('-a, --all', 'also those that ended within the last hour')
    .option('--node <node>', 'those of one node')
    .addOption(new Option('--state <state>', 'those in one state').choices(containerStates))
    .action((service: string | undefined, options: ContainerOptions) => {
      if (service !== undefined) checkServiceName(service);
      if (options.node !== undefined) checkNodeName(options.node);
      return show(() => readContainers(service, options, context), options, context);
    });
  addListOptions(command);
  addExamples(command, [
    ['ps', 'all of the cluster'],
    ['ps web --watch', 'of one service, as it goes'],
    ['ps --node worker-2 -o name', 'their names, for a script'],
    ['ps web --at 5m -o wide', 'as it was five minutes ago'],
  ]);
}

async function readContainers(
  service: string | undefined,
  options: ContainerOptions,
  context: CliContext,
): Promise<List<ContainerStateBody['containers'][number]>> {
  const { all = false, node, state } = options;
  const filter = defined({ service, node, state });
  const body = await readState<ContainerStateBody>(
    {
      path: `/container_state${queryOf({ service, node, state, ended: 'true' })}`,
      build: (view) => containerStateBody(view, { ...filter, ended: true }),
    },
    options,
    context,
  );
  if (service !== undefined && body.containers.length === 0 && !options.watch) {
    await checkIsService(service, options, context);
  }
  const containers =
    all || state !== undefined ? body.containers : await withoutOldEnds(body.containers, options, context);
  const shown = { ...body, containers };
  return {
    ...{ body: shown, rows: containers, columns: containerColumns },
    nameOf: ({ container }) => container,
    // How far its image is pulled is no fact.
    isMoving: containers.some((container) => container.state === 'starting'),
  };
}

const readServiceState = (options: ListOptions, context: CliContext) =>
  readState<ServiceStateBody>({ path: '/service_state', build: (view) => serviceStateBody(view) }, options, context);

/** An empty table would say that nothing of it runs. @throws AppError `service_not_found` */
async function checkIsService(service: string, options: ListOptions, context: CliContext): Promise<void> {
  const { services } = await readServiceState(options, context);
  if (services.some(({ serviceName }) => serviceName === service)) return;
  const verb = options.at === undefined ? 'is' : 'was';
  throw new AppError('service_not_found', `no service ${verb} called ${service}`);
}

type Containers = ContainerStateBody['containers'];
const endedStates: ReadonlySet<string> = new Set(['completed', 'stopped', 'failed']);

/** What lives; and of a slot where nothing runs, what failed there last, unless its service is gone. */
async function withoutOldEnds(all: Containers, options: ListOptions, context: CliContext): Promise<Containers> {
  const shown = all.filter((container) => !endedStates.has(container.state) || isLastFailure(container, all));
  if (shown.every(({ state }) => state !== 'failed')) return shown;
  const { services } = await readServiceState(options, context);
  const wanted = new Set(services.filter(({ status }) => status !== 'removing').map(({ serviceName }) => serviceName));
  return shown.filter(({ state, service }) => state !== 'failed' || wanted.has(service));
}

/** @param all by slot, oldest first */
function isLastFailure({ service, slot, state, container }: Containers[number], all: Containers): boolean {
  if (state !== 'failed') return false;
  const inSlot = all.filter((other) => other.service === service && other.slot === slot);
  if (inSlot.some((other) => other.state === 'running')) return false;
  return inSlot.findLast((other) => endedStates.has(other.state))?.container === container;
}

export function addServicesCommand(program: Command, context: CliContext): void {
  const command = program
    .command('services')
    .description('Services: how many run, whether they have converged, and why not')
    .option('--node <node>', 'those with containers on one node')
    .action((options: ListOptions) => {
      if (options.node !== undefined) checkNodeName(options.node);
      return show(() => readServices(options, context), options, context);
    });
  addListOptions(command);
  addExamples(command, [
    ['services', 'all of the cluster'],
    ['services --watch', 'as they go'],
    ['services --at yesterday -o json', 'as they were, for a program'],
  ]);
}

async function readServices(
  options: ListOptions,
  context: CliContext,
): Promise<List<ServiceStateBody['services'][number]>> {
  const { node } = options;
  const path = `/service_state${queryOf({ node })}`;
  const build = {
    path,
    build: (view: Parameters<typeof serviceStateBody>[0]) => serviceStateBody(view, defined({ node })),
  };
  const body = await readState<ServiceStateBody>(build, options, context);
  return {
    ...{ body, rows: body.services, columns: serviceColumns, isMoving: false },
    nameOf: ({ serviceName }) => serviceName,
  };
}

/** @param name `nodes`; or `ls` in the group `node` */
export function addNodesCommand(program: Command, context: CliContext, name: string = 'nodes'): void {
  const command = program
    .command(name)
    .description('Nodes: whether they are used, how many containers they have, and why not')
    .option('--service <service>', 'those with containers of one service')
    .action((options: ListOptions) => {
      if (options.service !== undefined) checkServiceName(options.service);
      return show(() => readNodes(options, context), options, context);
    });
  addListOptions(command);
  addExamples(command, [
    [name === 'nodes' ? 'nodes' : `node ${name}`, 'all of the cluster'],
    [`${name === 'nodes' ? 'nodes' : `node ${name}`} -o wide`, 'with memory, CPUs and labels'],
  ]);
}

async function readNodes(options: ListOptions, context: CliContext): Promise<List<NodeStateBody['nodes'][number]>> {
  const { service } = options;
  const path = `/node_state${queryOf({ service })}`;
  const build = {
    path,
    build: (view: Parameters<typeof nodeStateBody>[0]) => nodeStateBody(view, defined({ service })),
  };
  const body = await readState<NodeStateBody>(build, options, context);
  return {
    ...{ body, rows: body.nodes, columns: nodeColumns, nameOf: ({ node }) => node },
    // When a node was heard last is no fact.
    isMoving: formatOf(options) === 'wide',
  };
}
