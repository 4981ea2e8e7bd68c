/** The command line of `./bootstrap/up`: the program's own options, and what it may do to the machine. Pure. */

import { join } from 'node:path';
import { helpOnEnding } from '../../src/daemon/command-line.ts';
import { addConfigOptions, asEnvironment, type Config, givenOptions, toConfig } from '../../src/daemon/config.ts';
import { AppError } from '../../src/errors.ts';
import { createProgram, describeExamples, describeSetting, parseArguments } from '../../src/process/arguments.ts';

export type UpOptions = {
  config: Config;
  /** The same configuration, for processes it starts. */
  environment: NodeJS.ProcessEnv;
  mayInstall: boolean;
};

/** @throws AppError `config_invalid` naming the option and the rule */
export function parseUpOptions(args: readonly string[], environment: NodeJS.ProcessEnv): UpOptions | { help: string } {
  const parsed = parseArguments(createUpProgram(), args);
  if (parsed.kind === 'text') return { help: parsed.text };
  const given = givenOptions(parsed.options);
  const config = toConfig(given, withDockerHost(environment));
  if ((config.mongodbUrl === null) !== (config.amqpUrl === null)) {
    const [present, missing] = config.amqpUrl === null ? ['--mongodb', '--amqp'] : ['--amqp', '--mongodb'];
    const rule = `goes with ${present}: processes of one cluster need both; without either all of it is in one process`;
    throw new AppError('config_invalid', `${missing} ${rule}`, { details: { field: missing, rule } });
  }
  return {
    config,
    environment: { ...withDockerHost(environment), ...asEnvironment(given) },
    mayInstall: parsed.options.install !== false && environment.CO_NO_INSTALL !== '1',
  };
}

/** Docker's own variables are the defaults of ours: DOCKER_HOST, and for its TLS DOCKER_TLS_VERIFY and DOCKER_CERT_PATH. */
export function withDockerHost(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { CO_DOCKER_HOST: ours, DOCKER_HOST: address, HOME = '' } = environment;
  if (ours || !address) return environment;
  const isTls = environment.DOCKER_TLS_VERIFY && address.startsWith('tcp://');
  const certPath = environment.CO_DOCKER_CERT_PATH || environment.DOCKER_CERT_PATH || join(HOME, '.docker');
  return { ...environment, CO_DOCKER_HOST: address, ...(isTls ? { CO_DOCKER_CERT_PATH: certPath } : {}) };
}

const createUpProgram = () =>
  addConfigOptions(
    createProgram(
      './bootstrap/up',
      `Brings up a manager and its worker nodes on this machine, and stays with them. Without a Docker Engine it starts the one that is
installed, or installs docker.io (as root, on Debian and Ubuntu); where none can be had it simulates one, and says so. The last line
of the start is \`ready http://...\`.

With --mongodb and --amqp the manager and each agent are processes of their own; without, all is in one process with the log in --data.
Containers go on running when this ends; the next one takes them over. ./bootstrap/down removes them.`,
    ),
  )
    .option('--no-install', describeSetting('installs nothing on this machine', { env: 'CO_NO_INSTALL=1' }))
    .addHelpText(
      'after',
      `
DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH are used where --docker and CO_DOCKER_HOST are not given.
The log is log.ndjson in --data, as much of it as --log-level says; the terminal shows its warnings and errors.
${helpOnEnding}${describeExamples('./bootstrap/up', examples)}`,
    );

const examples = [
  ['', 'a manager and 5 workers on the Docker Engine of this machine'],
  ['--engine simulated --workers 50', 'a cluster to try things on, without a container'],
  ['--data shop --port 5001 --cluster shop', 'another one beside it'],
  ['--label zone=a --label disk=ssd', 'workers with labels, for placement'],
] as const;
