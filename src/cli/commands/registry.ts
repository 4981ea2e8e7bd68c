/** The commands `coctl registry …`: the logins that nodes pull images with. A password comes from a file, never from the command line. */

import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { formatTime } from '../../history/sentences/format-values.ts';
import type { CliContext } from '../output/context.ts';
import { addExamples } from '../output/examples.ts';
import { printLines } from '../output/formats.ts';
import { type Column, formatTable } from '../output/table.ts';
import { type ApiOptions, addApiOptions, createApi } from '../sources/api.ts';

type SetLogin = { host: string; username: string; version: number; changed: boolean };
type ListedLogin = { host: string; username: string; version: number; setAt: string; setBy: string };

type Options = ApiOptions & { json?: boolean };
type LoginOptions = Options & { username: string; passwordFile: string };

export function addRegistryCommand(program: Command, context: CliContext): void {
  const group = program
    .command('registry')
    .description('Sets, lists and removes the logins that nodes pull images with; needs scope secrets');
  addExamples(group, [
    ['registry login registry.example --username deployer --password-file token.txt', 'for every node'],
    ['registry list', 'which there are, without passwords'],
    ['registry logout registry.example', 'pulls from now on have none'],
  ]);
  addLogin(group, context);
  addList(group, context);
  addLogout(group, context);
}

const pathOf = (host: string) => `/registry/${encodeURIComponent(host)}`;

function addLogin(group: Command, context: CliContext): void {
  const command = group
    .command('login <host>')
    .description('Sets the login at a registry, as images name its host; docker.io for those without one')
    .requiredOption('--username <name>', 'at the registry')
    .requiredOption(
      '--password-file <file>',
      'its first line end and what follows are left out; /dev/stdin reads a pipe',
    )
    .option('--json', 'for programs')
    .action(async (host: string, { username, passwordFile, json, ...options }: LoginOptions) => {
      const password = (await readFile(passwordFile, 'utf8')).replace(/\r?\n[\s\S]*$/, '');
      const set = await createApi(context, options).call<SetLogin>('PUT', pathOf(host), { username, password });
      if (json) return context.printJson(set);
      const how = set.changed ? `set (version ${set.version})` : `as it was (version ${set.version})`;
      context.print(`the login of ${set.username} at ${set.host} is ${how}`);
    });
  addApiOptions(command);
  addExamples(command, [
    ['registry login registry.example:5000 --username deployer --password-file token.txt', 'from a file'],
    ['registry login docker.io --username team --password-file /dev/stdin < token.txt', 'from a pipe'],
  ]);
}

const columns: readonly Column<ListedLogin>[] = [
  { title: 'HOST', cell: ({ host }) => host },
  { title: 'USERNAME', cell: ({ username }) => username },
  { title: 'VERSION', cell: ({ version }) => String(version) },
  { title: 'SET', cell: ({ setAt }) => formatTime(setAt) },
  { title: 'BY', cell: ({ setBy }) => setBy },
];

function addList(group: Command, context: CliContext): void {
  const command = group
    .command('list')
    .alias('ls')
    .description('The logins that are set; never their passwords')
    .option('--json', 'for programs')
    .action(async (options: Options) => {
      const list = await createApi(context, options).get<{ registries: ListedLogin[] }>('/registry');
      if (options.json) return context.printJson(list);
      printLines(formatTable(columns, list.registries, context), context);
    });
  addApiOptions(command);
  addExamples(command, [['registry list', 'who set which, and when']]);
}

function addLogout(group: Command, context: CliContext): void {
  const command = group
    .command('logout <host>')
    .description('Removes the login at a registry: pulls from now on have none')
    .option('--json', 'for programs')
    .action(async (host: string, options: Options) => {
      const removed = await createApi(context, options).call<{ host: string }>('DELETE', pathOf(host));
      if (options.json) return context.printJson(removed);
      context.print(`the login at ${removed.host} is removed`);
    });
  addApiOptions(command);
  addExamples(command, [['registry logout registry.example:5000', 'containers that run go on']]);
}
