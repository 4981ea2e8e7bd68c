/** The command `coctl run`: a service from the command line. */

import { readFile } from 'node:fs/promises';
import { parseEnv } from 'node:util';
import type { Command } from 'commander';
import { AppError, hasCode } from '../../../errors.ts';
import type { CliContext } from '../../output/context.ts';
import { addExamples } from '../../output/examples.ts';
import { type SpecOptions, toServiceRequest } from '../../sources/spec-options.ts';
import { checkServiceName } from '../../sources/subject-name.ts';
import { addChangeOptions, type ChangeOptions, makeChanges } from './change.ts';
import { addRunOptions } from './run-options.ts';

type Options = ChangeOptions & SpecOptions & { envFile?: string[]; replace?: boolean };

export function addRunCommand(program: Command, context: CliContext): void {
  const command = program
    .command('run <name> <image> [args...]')
    .description('Runs an image as a service; what follows -- are its arguments. Lists are given option by option')
    .action((name: string, image: string, args: string[], options: Options) =>
      run(name, image, args, options, context),
    );
  addRunOptions(command)
    .optionsGroup('This call:')
    .option('--replace', 'edits the service if there is one of this name; else that is refused');
  addChangeOptions(command);
  addExamples(command, [
    ['run web nginx --replicas 3 --port 80', 'three web servers; `coctl ps web` shows the port of each'],
    ['run api registry.example/api:7 --env MODE=production --memory 256m --health-http 8080/healthz', 'with limits'],
    ['run migrate web:1.27 --mode job -- ./migrate --all', 'once, until it ends with 0'],
    ['run report reports:3 --schedule "30 2 * * *" --time-zone Europe/Berlin', 'every night at half past two'],
    ['run db postgres:17 --constraint node.labels.disk==ssd --reserve-memory 1g', 'on a node that fits'],
    ['run edge nginx -r 3 --spread zone --max-per-node 1 --update-order stop-first', 'over zones, one a node'],
    ['run safe nginx --read-only --tmpfs /run:size=16m --cap-drop ALL -u 101', 'with few rights'],
  ]);
}

async function run(
  name: string,
  image: string,
  args: readonly string[],
  options: Options,
  context: CliContext,
): Promise<void> {
  checkServiceName(name);
  const { envFile = [], env = [], replace } = options;
  const files = await Promise.all(envFile.map(readEnvFile));
  const all = [...files.flat(), ...env];
  const service = toServiceRequest(name, image, args, { ...options, ...(all.length === 0 ? {} : { env: all }) });
  const headers = replace ? {} : { 'if-none-match': '*' };
  const change = { method: 'POST' as const, path: '/service', body: { services: [service] }, headers };
  await makeChanges([change], options, context).catch((error) => {
    if (!hasCode(error, 'precondition_failed')) throw error;
    throw new AppError(
      'service_exists',
      `a service is called ${name} already: --replace edits it, coctl rm removes it`,
    );
  });
}

async function readEnvFile(path: string): Promise<string[]> {
  return Object.entries(parseEnv(await readFile(path, 'utf8'))).map(([name, value]) => `${name}=${value}`);
}
