/** The command `coctl inspect`: everything about a service, a node or a container, for people as YAML. */

import type { Command } from 'commander';
import { systemClock } from '../../../clock.ts';
import { AppError, hasCode } from '../../../errors.ts';
import type { CliContext } from '../../output/context.ts';
import { addExamples } from '../../output/examples.ts';
import { addFormatOptions, type FormatOptions, formatOf, printLines, valueLines } from '../../output/formats.ts';
import { printable } from '../../output/table.ts';
import { type Api, type ApiOptions, addApiOptions, createApi } from '../../sources/api.ts';
import { pointInTimeHelp, queryPoint } from '../../sources/point-in-time.ts';
import { type ServiceDetail, specOf } from '../../sources/service-spec.ts';
import { checkServiceName, checkSubjectName, isContainer } from '../../sources/subject-name.ts';

type Options = ApiOptions & FormatOptions & { at?: string; spec?: boolean };

export function addInspectCommand(program: Command, context: CliContext): void {
  const command = program
    .command('inspect <service|node|container>')
    .description('Everything about a service, a node or a container')
    .option('--spec', 'of a service its spec alone, as `coctl apply -f` takes it')
    .option('--at <point>', `as it was then: ${pointInTimeHelp}`)
    .action((name: string, options: Options) => inspect(name, options, context));
  addFormatOptions(command, ['json', 'yaml']);
  addApiOptions(command);
  addExamples(command, [
    ['inspect web', 'a service, its spec included'],
    ['inspect web --spec > web.yaml', 'to apply again, here or elsewhere'],
    ['inspect worker-1 -o json', 'a node, for a program'],
    ['inspect web.1-4k --at 1500', 'a container, as it was'],
  ]);
}

async function inspect(name: string, { at, spec, ...options }: Options, context: CliContext): Promise<void> {
  if (spec) checkServiceName(name);
  else checkSubjectName(name);
  const query = at === undefined ? '' : `?at=${queryPoint('--at', at, systemClock.nowMs())}`;
  const api = createApi(context, options);
  const found = spec ? specOf(await api.get<ServiceDetail>(`/service/${name}${query}`)) : await find(api, name, query);
  const lines = valueLines(found, formatOf(options) === 'json' ? 'json' : 'yaml');
  printLines(lines.map(printable), context);
}

/** Services and nodes have names alike: a service is meant first. */
async function find(api: Api, name: string, query: string): Promise<object> {
  if (isContainer(name)) return api.get(`/container/${name}${query}`);
  try {
    return await api.get(`/service/${name}${query}`);
  } catch (error) {
    if (!hasCode(error, 'service_not_found')) throw error;
  }
  return api.get<object>(`/node/${name}${query}`).catch((error) => {
    if (!hasCode(error, 'node_not_found')) throw error;
    throw new AppError('subject_not_found', `no service and no node ${query === '' ? 'is' : 'was'} called ${name}`);
  });
}
