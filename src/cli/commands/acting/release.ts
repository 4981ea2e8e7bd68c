/** The commands `coctl restart`, `coctl rollback` and `coctl rm`: of services as a whole. */

import { type Command, InvalidArgumentError } from 'commander';
import type { CliContext } from '../../output/context.ts';
import { addExamples } from '../../output/examples.ts';
import { checkServiceName } from '../../sources/subject-name.ts';
import { addChangeOptions, type ChangeOptions, makeChanges } from './change.ts';

export function addRestartCommand(program: Command, context: CliContext): void {
  const command = program
    .command('restart <service...>')
    .description('Replaces the containers of services by others of the same spec, as an update does')
    .action((services: string[], options: ChangeOptions) => {
      services.forEach(checkServiceName);
      const changes = services.map((name) => ({ method: 'POST' as const, path: `/service/${name}/restart` }));
      return makeChanges(changes, options, context);
    });
  addChangeOptions(command);
  addExamples(command, [['restart web', 'one replica after the other, by its update policy']]);
}

export function addRollbackCommand(program: Command, context: CliContext): void {
  const command = program
    .command('rollback <service>')
    .description('Requests the spec of an earlier generation again')
    .option('--to <generation>', 'which (default: the last of another spec that converged)', parseGeneration)
    .action((service: string, { to, ...options }: ChangeOptions & { to?: number }) => {
      checkServiceName(service);
      const body = to === undefined ? {} : { generation: to };
      return makeChanges([{ method: 'POST', path: `/service/${service}/rollback`, body }], options, context);
    });
  addChangeOptions(command);
  addExamples(command, [
    ['rollback web', 'to what converged last'],
    ['rollback web --to 3', 'to a generation that `coctl rollout history web` lists'],
  ]);
}

export function addRemoveCommand(program: Command, context: CliContext): void {
  const command = program
    .command('rm <service...>')
    .description('Removes services and their containers; their history stays')
    .action((services: string[], options: ChangeOptions) => {
      services.forEach(checkServiceName);
      const changes = services.map((name) => ({
        ...{ method: 'DELETE' as const, path: `/service/${name}` },
        until: 'removed' as const,
      }));
      return makeChanges(changes, options, context);
    });
  addChangeOptions(command);
  addExamples(command, [
    ['rm web', 'and waits until its last container is gone'],
    ['rm web api --detach', 'both, without waiting'],
  ]);
}

function parseGeneration(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is the number of a generation, from 1.');
}
