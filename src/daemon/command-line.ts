/** The command line of the program: which command, what it needs, and its help. */

import type { Command } from 'commander';
import { AppError } from '../errors.ts';
import { createProgram, describeExamples, parseArguments } from '../process/arguments.ts';
import { programName } from '../process/program-name.ts';
import { addConfigOptions, type Config, givenOptions, toConfig } from './config.ts';
import { readVersion } from './version.ts';

export type CommandName = 'up' | 'manager' | 'agent';

export type CommandLine =
  /** Help, or the version. */
  { kind: 'text'; text: string } | { kind: 'run'; command: CommandName; config: Config };

const commands: Record<CommandName, { summary: string; check(config: Config): void }> = {
  up: {
    summary: 'a manager and its worker nodes in this process, on the embedded log and bus',
    check(config) {
      if (config.mongodbUrl !== null || config.amqpUrl !== null) {
        const rule = 'do not go with `up`, which is one process';
        refuse('--mongodb and --amqp', rule, 'start `manager` and `agent`, or let ./bootstrap/up start them');
      }
    },
  },
  manager: {
    summary: 'one manager, on MongoDB (--mongodb) and RabbitMQ (--amqp)',
    check(config) {
      if (config.mongodbUrl === null || config.amqpUrl === null) {
        const rule = 'are both needed by `manager`: agents are other processes and reach it through RabbitMQ only';
        refuse('--mongodb and --amqp', rule, '`up` needs neither');
      }
    },
  },
  agent: {
    summary: 'the agent of one worker node, on RabbitMQ (--amqp and --node), or by a manager (--join)',
    check(config) {
      // Without a broker it joins, or has joined: its data folder knows.
      if (config.amqpUrl === null) return;
      if (config.node === null)
        refuse('--node', 'is needed by `agent`', 'a name of its own for this machine: worker-3');
      if (config.clusterId === null) {
        refuse('--cluster-id', 'is needed by `agent`', 'GET /state of any manager has it, as cluster.id');
      }
    },
  },
};

/**
 * @param args what follows the program's name
 * @throws AppError `config_invalid` naming the option and the rule
 */
export function parseCommandLine(args: readonly string[], environment: NodeJS.ProcessEnv): CommandLine {
  const parsed = parseArguments(createMainProgram(), args.length === 0 ? ['--help'] : args);
  if (parsed.kind === 'text') return { kind: 'text', text: parsed.text.trimEnd() };
  const command = parsed.command as CommandName;
  const config = toConfig(givenOptions(parsed.options), environment);
  commands[command].check(config);
  return { kind: 'run', command, config };
}

function createMainProgram(): Command {
  const program = createProgram(programName, 'Runs a part of a cluster, or all of it.')
    .usage('<command> [options]')
    .version(readVersion(), '--version')
    .helpCommand(false)
    .addHelpText('afterAll', helpOnEnding + describeExamples(programName, examples));
  addConfigOptions(program);
  for (const [name, { summary }] of Object.entries(commands)) {
    // Their options are the program's, and so is their help.
    program
      .command(name)
      .description(summary)
      .configureHelp({ formatHelp: () => program.helpInformation() });
  }
  return program;
}

const examples = [
  ['up --engine simulated', 'a cluster to try things on, without a container'],
  ['manager --host 0.0.0.0 --tls auto', 'with CO_MONGODB_URL and CO_AMQP_URL'],
  ['agent --join https://manager.shop:5000 --ca sha256:9a1c… --token co_…', 'as coctl token create --join prints it'],
] as const;

/** The part of `--help` that is the same for every program of ours that goes on until it is stopped. */
export const helpOnEnding = `
The option wins over the variable of the environment (env). Progress goes to standard output, the log of the process to
standard error. URLs with passwords are better given by the environment: other users of a machine see command lines.

Signals:
  SIGINT, SIGTERM  stops within 5 s and leaves containers running; a second one stops at once

Exit codes:
  0  stopped as asked
  1  could not start or go on, or was stopped by a second signal
  2  wrong usage: the message names the option and the rule
`;

function refuse(option: string, rule: string, hint: string): never {
  throw new AppError('config_invalid', `${option} ${rule}: ${hint}`, { details: { field: option, rule } });
}
