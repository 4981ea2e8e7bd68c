/** The command `coctl scale`: how many replicas services have. */

import type { Command } from 'commander';
import type { CliContext } from '../../output/context.ts';
import { addExamples } from '../../output/examples.ts';
import { parseAssignments, parseReplicas } from '../../sources/assignments.ts';
import { addChangeOptions, type ChangeOptions, makeChanges } from './change.ts';

export function addScaleCommand(program: Command, context: CliContext): void {
  const command = program
    .command('scale <service=replicas...>')
    .description('Sets how many replicas services have')
    .action((args: string[], options: ChangeOptions) => {
      const changes = parseAssignments(args, 'web=5').map(([service, text]) => ({
        ...{ method: 'PATCH' as const, path: `/service/${service}` },
        body: { replicas: parseReplicas(text) },
      }));
      return makeChanges(changes, options, context);
    });
  addChangeOptions(command);
  addExamples(command, [
    ['scale web=5', 'five replicas, and waits until they run'],
    ['scale web=5 api=2', 'one after the other, waited for together'],
    ['scale web=0 --dry-run', 'what would stop'],
  ]);
}
