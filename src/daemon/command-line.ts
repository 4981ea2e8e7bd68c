/** The command line of the program: which command, what it needs, and its help. Pure. */

import { AppError } from '../errors.ts';
import { createProgram, parseArguments } from '../process/arguments.ts';
import { programName } from '../process/program-name.ts';
import { addConfigOptions, type Config, givenOptions, toConfig } from './config.ts';

export type CommandName = 'up' | 'manager' | 'agent';

export type CommandLine =
  | { kind: 'help'; text: string }
  | { kind: 'version' }
  | { kind: 'run'; command: CommandName; config: Config };

type Command = { summary: string; check(config: Config): void };

const commands: Record<CommandName, Command> = {
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
  const program = addConfigOptions(createProgram(programName, 'Runs a part of a cluster, or all of it.'))
    .argument(
      '[command]',
      Object.entries(commands)
        .map(([name, { summary }]) => `${name}: ${summary}`)
        .join('\n'),
    )
    .option('--version')
    .addHelpText('after', `\nEach option is also a variable of the environment; the option wins.\n\n${helpOnEnding}`);
  const parsed = parseArguments(program, args.length === 0 ? ['--help'] : args);
  if (parsed.kind === 'text') return { kind: 'help', text: parsed.text };
  if (parsed.options.version) return { kind: 'version' };
  const [name] = parsed.args;
  if (name === undefined || !isCommand(name)) {
    const given = name === undefined ? 'nothing' : JSON.stringify(name);
    throw new AppError('config_invalid', `the first argument must be up, manager or agent, not ${given}`);
  }
  const config = toConfig(givenOptions(parsed.options), environment);
  commands[name].check(config);
  return { kind: 'run', command: name, config };
}

/** The part of `--help` that is the same for every program of ours. */
export const helpOnEnding = `Progress goes to standard output, the log of the process to standard error. URLs with passwords are better given by the
environment: other users of a machine see command lines.

Signals
  SIGINT, SIGTERM           stops within 5 s and leaves containers running; a second one stops at once

Exit codes
  0  stopped as asked
  1  could not start or go on, or was stopped by a second signal
  2  wrong usage: the message names the option and the rule`;

const isCommand = (name: string): name is CommandName => Object.hasOwn(commands, name);

function refuse(option: string, rule: string, hint: string): never {
  throw new AppError('config_invalid', `${option} ${rule}: ${hint}`, { details: { field: option, rule } });
}
