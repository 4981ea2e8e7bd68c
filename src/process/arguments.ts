/**
 * How every command line of ours looks and reads its arguments: help with the settings' variables and defaults, examples, and
 * how wrong usage is refused.
 */

import { Command, CommanderError } from 'commander';
import { AppError } from '../errors.ts';
import { exitCodeOf, exitMessage, usageHint } from './lifecycle.ts';

export type Arguments =
  /** What was asked for instead of a run: help. */
  { kind: 'text'; text: string } | ({ kind: 'run' } & Given);

export type Given = {
  /** null: the program has none. */
  command: string | null;
  args: readonly string[];
  options: Readonly<Record<string, unknown>>;
};

/** Wide enough for an option, its variable and a sentence on one line. */
const helpWidthMax = 140;
const helpWidth = () => Math.min(process.stdout.columns ?? helpWidthMax, helpWidthMax);

/**
 * Options, arguments and commands are the caller's to add; commands take over how the program looks.
 * @param description paragraphs, which are wrapped again
 */
export const createProgram = (name: string, description: string): Command =>
  new Command(name)
    .description(description.replace(/(?<!\n)\n(?!\n)/g, ' '))
    .exitOverride()
    .showHelpAfterError(usageHint)
    .configureOutput({ getOutHelpWidth: helpWidth, getErrHelpWidth: helpWidth });

/** What `--help` says of a setting, and where its value comes from when it is not given. */
export function describeSetting(what: string, from: { fallback?: string | undefined; env?: string }): string {
  const { fallback = '', env = '' } = from;
  const sources = [...(fallback && [`default: ${fallback}`]), ...(env && [`env: ${env}`])];
  return sources.length === 0 ? what : `${what} (${sources.join(', ')})`;
}

/** The last part of a help: what to type, and what it is for. @param examples what follows the program's name, and what it does */
export function describeExamples(
  program: string,
  examples: readonly (readonly [line: string, does: string])[],
): string {
  const commands = examples.map(([line]) => `${program} ${line}`.trimEnd());
  const width = Math.max(...commands.map((command) => command.length));
  const lines = examples.map(([, does], index) => `  ${commands[index]!.padEnd(width)}   ${does}`);
  return `\nExamples:\n${lines.join('\n')}`;
}

/**
 * @param program with one level of commands, or none
 * @param args what follows the program's name
 * @throws AppError `config_invalid` naming the option and the rule
 */
export function parseArguments(program: Command, args: readonly string[]): Arguments {
  let text = '';
  let chosen: Command = program;
  const collect = (part: string) => {
    text += part;
  };
  for (const command of [program, ...program.commands]) {
    command.configureOutput({ writeOut: collect, writeErr: () => {} });
    if (command === program && program.commands.length > 0) continue;
    command.action(() => {
      chosen = command;
    });
  }
  try {
    program.parse([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: 'text', text };
    throw refusal(error.code === 'commander.help' ? `a command is missing: ${namesOf(program)}` : error.message);
  }
  const command = chosen === program ? null : chosen.name();
  return { kind: 'run', command, args: chosen.args, options: chosen.optsWithGlobals() };
}

const namesOf = ({ commands }: Command) => commands.map((command) => command.name()).join(', ');

/** What is quoted may be a URL that lost its option. */
const refusal = (message: string) =>
  new AppError('config_invalid', message.replace(/^error: /, '').replace(/:\/\/\S*@/g, '://…@'));

/**
 * Runs a program that ends by itself: prints help, or calls `run`; a failure is printed with its exit code.
 * @param run gets what was parsed
 */
export async function runOnce(
  program: Command,
  run: (given: Given) => Promise<void>,
  args: readonly string[] = process.argv.slice(2),
): Promise<void> {
  try {
    const parsed = parseArguments(program, args);
    if (parsed.kind === 'text') process.stdout.write(parsed.text);
    else await run(parsed);
  } catch (error) {
    process.stderr.write(`${exitMessage(error)}\n`);
    process.exitCode = exitCodeOf(error);
  }
}
