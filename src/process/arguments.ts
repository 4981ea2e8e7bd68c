/** How every program of ours reads its arguments: help and version to standard output, a refusal in one line. */

import { Command, CommanderError } from 'commander';
import { AppError } from '../errors.ts';
import { exitCodeOf, exitMessage } from './lifecycle.ts';

export type Arguments =
  /** What was asked for instead of a run: help. */
  { kind: 'text'; text: string } | { kind: 'run'; args: readonly string[]; options: Readonly<Record<string, unknown>> };

/** Wide enough for an option, its variable and a sentence on one line. */
const helpWidth = 140;

/**
 * A program without subcommands; options and arguments are the caller's to add.
 * @param description paragraphs, which are wrapped again
 */
export const createProgram = (name: string, description: string): Command =>
  new Command(name)
    .description(description.replace(/(?<!\n)\n(?!\n)/g, ' '))
    .helpOption('-h, --help')
    .configureHelp({ helpWidth })
    .allowExcessArguments();

/**
 * @param args what follows the program's name
 * @throws AppError `config_invalid` naming the option and the rule
 */
export function parseArguments(program: Command, args: readonly string[]): Arguments {
  let text = '';
  const collect = (part: string) => {
    text += part;
  };
  program.exitOverride().configureOutput({ writeOut: collect, writeErr: () => {} });
  try {
    program.parse([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: 'text', text };
    throw refusal(error.message.replace(/^error: /, '').replace(/\n/g, ' '));
  }
  const excess = program.args[program.registeredArguments.length];
  const isOpen = program.registeredArguments.at(-1)?.variadic;
  if (excess !== undefined && !isOpen) throw refusal(`unexpected argument ${JSON.stringify(excess)}`);
  return { kind: 'run', args: program.args, options: program.opts() };
}

/** What is quoted may be a URL that lost its option. */
const refusal = (message: string) =>
  new AppError('config_invalid', `${message.replace(/:\/\/\S*@/g, '://…@')}; --help shows what there is`);

/**
 * Runs a program that ends by itself: prints help, or calls `run`; a failure is printed as one line, with its exit code.
 * @param run gets the arguments and the parsed options
 */
export async function runOnce(
  program: Command,
  run: (args: readonly string[], options: Readonly<Record<string, unknown>>) => Promise<void>,
  args: readonly string[] = process.argv.slice(2),
): Promise<void> {
  try {
    const parsed = parseArguments(program, args);
    if (parsed.kind === 'text') process.stdout.write(parsed.text);
    else await run(parsed.args, parsed.options);
  } catch (error) {
    process.stderr.write(`${exitMessage(error)}\n`);
    process.exitCode = exitCodeOf(error);
  }
}
