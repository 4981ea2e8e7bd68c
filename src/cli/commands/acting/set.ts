/** The commands `coctl set …`: one member of a service, the rest stays as it is. */

import type { Command } from 'commander';
import type { CliContext } from '../../output/context.ts';
import { addExamples } from '../../output/examples.ts';
import { parseAssignments } from '../../sources/assignments.ts';
import { addChangeOptions, type ChangeOptions, makeChanges } from './change.ts';

export function addSetCommand(program: Command, context: CliContext): void {
  const group = program.command('set').description('Sets one member of services');
  addExamples(group, [['set image web=nginx:1.28', 'rolls out another image']]);
  const command = group
    .command('image <service=image...>')
    .description('Rolls out another image')
    .action((args: string[], options: ChangeOptions) => {
      const changes = parseAssignments(args, 'web=nginx:1.28').map(([service, image]) => ({
        ...{ method: 'PATCH' as const, path: `/service/${service}` },
        body: { container: { image } },
      }));
      return makeChanges(changes, options, context);
    });
  addChangeOptions(command);
  addExamples(command, [
    ['set image web=nginx:1.28', 'and waits until all replicas run it'],
    ['set image web=nginx:1.28 --dry-run', 'what would be replaced, where'],
  ]);
}
