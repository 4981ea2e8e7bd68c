/** The examples of the command line, as its help has them, and those of them that a shell has to run. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { createContext } from '../../../src/cli/output/context.ts';
import { createProgram } from '../../../src/cli/program.ts';

/** Each once, as it is typed, with `coctl`. In the order of the help. */
export function readExamples(): string[] {
  const silent = { write: () => {} };
  const { signal } = new AbortController();
  const program = createProgram(createContext({ out: silent, err: silent, environment: {}, signal }));
  return [...new Set(examplesOf(program))];
}

function examplesOf(command: Command): string[] {
  let help = '';
  command.configureOutput({
    writeOut: (text) => {
      help += text;
    },
  });
  command.outputHelp();
  const [, examples = ''] = help.split('\nExamples:\n');
  const own = Array.from(examples.matchAll(/^ {2}(coctl .*?)(?: {3,}.*)?$/gm), ([, line]) => line!);
  return [...own, ...command.commands.flatMap(examplesOf)];
}

export type Ended = { code: number | null; out: string; err: string };

const project = fileURLToPath(new URL('../../..', import.meta.url));

/** By the program that a person has on the PATH. */
export async function runInShell(line: string, environment: NodeJS.ProcessEnv): Promise<Ended> {
  const path = `${project}:${process.env.PATH}`;
  const child = spawn('bash', ['-o', 'pipefail', '-c', line], { env: { ...process.env, ...environment, PATH: path } });
  const said = { out: '', err: '' };
  child.stdout.on('data', (piece) => {
    said.out += piece;
  });
  child.stderr.on('data', (piece) => {
    said.err += piece;
  });
  const [code] = await once(child, 'close');
  return { code, ...said };
}
