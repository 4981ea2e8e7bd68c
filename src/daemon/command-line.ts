/** Owns the command line of the program: which command, what it needs to be told, and what `--help` says. Pure. */

import { AppError } from '../errors.ts';
import { isLoopback } from '../http/request/auth.ts';
import { type Config, describeOptions, readConfig } from './config.ts';

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
      requireTokens(config);
    },
  },
  manager: {
    summary: 'one manager, on MongoDB (--mongodb) and RabbitMQ (--amqp)',
    check(config) {
      if (config.mongodbUrl === null || config.amqpUrl === null) {
        const rule = 'are both needed by `manager`: agents are other processes and reach it through RabbitMQ only';
        refuse('--mongodb and --amqp', rule, '`up` needs neither');
      }
      requireTokens(config);
    },
  },
  agent: {
    summary: 'the agent of one worker node (--node), on RabbitMQ (--amqp)',
    check(config) {
      if (config.node === null)
        refuse('--node', 'is needed by `agent`', 'a name of its own for this machine: worker-3');
      if (config.amqpUrl === null) refuse('--amqp', 'is needed by `agent`', 'the broker where managers find it');
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
  if (args.length === 0 || args.includes('--help') || args.includes('-h')) return { kind: 'help', text: helpText() };
  if (args.includes('--version')) return { kind: 'version' };
  const [name = '', ...rest] = args;
  if (!isCommand(name)) {
    throw new AppError(
      'config_invalid',
      `the first argument must be up, manager or agent, not ${JSON.stringify(name)}`,
    );
  }
  const config = readConfig(rest, environment);
  commands[name].check(config);
  return { kind: 'run', command: name, config };
}

/** Said here, before anything is opened, and enforced by the server. */
export function requireTokens({ host, tokens }: Config): void {
  if (isLoopback(host) || tokens.length > 0) return;
  refuse('--host', `${host} is reached from other machines and needs --tokens (CO_TOKENS_FILE)`, 'or use 127.0.0.1');
}

/** The part of `--help` that is the same for every program of ours. */
export const helpOnEnding = `Signals
  SIGINT, SIGTERM           stops within 5 s and leaves containers running; a second one stops at once

Exit codes
  0  stopped as asked
  1  could not start or go on, or was stopped by a second signal
  2  told something wrong: the message names the option and the rule`;

function helpText(): string {
  const summaries = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(26)}${summary}`);
  return `Usage: node src/main.ts COMMAND [OPTIONS]

Commands
${summaries.join('\n')}

Options, each also as a variable of the environment; the option wins
${describeOptions()}
  --help
  --version

Progress goes to standard output, the log of the process to standard error. URLs with passwords are better
given by the environment: other users of a machine see command lines.

${helpOnEnding}
`;
}

const isCommand = (name: string): name is CommandName => Object.hasOwn(commands, name);

function refuse(option: string, rule: string, hint: string): never {
  throw new AppError('config_invalid', `${option} ${rule}: ${hint}`, { details: { field: option, rule } });
}
