/** The last part of every command's help: what to type, and what it is for. */

import type { Command } from 'commander';

/** @param examples the command line after `coctl `, and what it does */
export function addExamples(command: Command, examples: readonly (readonly [line: string, does: string])[]): Command {
  const width = Math.max(...examples.map(([line]) => line.length));
  const lines = examples.map(([line, does]) => `  coctl ${line.padEnd(width)}   ${does}`);
  return command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
}
