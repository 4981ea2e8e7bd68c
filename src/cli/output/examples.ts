/** The last part of every command's help: what to type, and what it is for. */

import type { Command } from 'commander';
import { describeExamples } from '../../process/arguments.ts';

/** @param examples the command line after `coctl `, and what it does */
export const addExamples = (command: Command, examples: Parameters<typeof describeExamples>[1]): Command =>
  command.addHelpText('after', describeExamples('coctl', examples));
