/** The command `coctl run`: a service from the command line. */

import { readFile } from 'node:fs/promises';
import { parseEnv } from 'node:util';
import { type Command, Option } from 'commander';
import { AppError, hasCode } from '../../../errors.ts';
import { serviceModes } from '../../../model/job.ts';
import type { CliContext } from '../../output/context.ts';
import { addExamples } from '../../output/examples.ts';
import { parseReplicas } from '../../sources/assignments.ts';
import { type SpecOptions, toServiceRequest } from '../../sources/spec-options.ts';
import { checkServiceName } from '../../sources/subject-name.ts';
import { addChangeOptions, type ChangeOptions, makeChanges } from './change.ts';

/** An option that may be given several times. */
const collect = (value: string, before: string[] = []) => [...before, value];

type Options = ChangeOptions & SpecOptions & { envFile?: string[]; replace?: boolean };

export function addRunCommand(program: Command, context: CliContext): void {
  const command = program
    .command('run <name> <image> [args...]')
    .description('Runs an image as a service; what follows -- are its arguments. Lists are given option by option')
    .option('-r, --replicas <count>', 'how many (default: 1)', parseReplicas)
    .addOption(new Option('--mode <mode>', 'how it runs').choices(serviceModes))
    .option('-p, --port <port>', 'publishes a port: 80, 8080:80 (node:container), 53:53/udp', collect)
    .option('-e, --env <NAME=VALUE>', 'sets a variable of its environment', collect)
    .option('--env-file <file>', 'sets those of a file, a NAME=VALUE a line; --env wins', collect)
    .option('-l, --label <NAME=VALUE>', 'sets a label', collect)
    .option('-m, --memory <size>', 'the most memory it may use: 256m, 1.5g')
    .option('--cpus <count>', 'the most CPUs it may use: 0.5')
    .option('-u, --user <user[:group]>', 'who it runs as')
    .option('-w, --workdir <path>', 'where it runs')
    .option('--bind <source:target[:ro]>', 'a folder of the node that its owner lets containers use', collect)
    .option('--health-cmd <command>', 'it is healthy when this shell command ends with 0')
    .option('--health-http <port/path>', 'it is healthy when this answers: 8080/healthz')
    .option('--health-tcp <port>', 'it is healthy when this port takes connections')
    .addOption(
      new Option('--restart <condition>', 'when it is started again').choices(['always', 'on-failure', 'never']),
    )
    .addOption(new Option('--pull <policy>', 'when its registry is asked').choices(['missing', 'always', 'never']))
    .option('--replace', 'edits the service if there is one of this name; else that is refused')
    .action((name: string, image: string, args: string[], options: Options) =>
      run(name, image, args, options, context),
    );
  addChangeOptions(command);
  addExamples(command, [
    ['run web nginx --replicas 3 --port 8080:80', 'three web servers, each on port 8080 of its node'],
    ['run api registry.example/api:7 --env MODE=production --memory 256m --health-http 8080/healthz', 'with limits'],
    ['run migrate web:1.27 --mode job -- ./migrate --all', 'once, until it ends with 0'],
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
