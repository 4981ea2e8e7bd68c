/** The commands `coctl context …`: which clusters a person works with, and with which just now. */

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { AppError } from '../../errors.ts';
import type { CliContext } from '../output/context.ts';
import { addExamples } from '../output/examples.ts';
import { printLines } from '../output/formats.ts';
import { type Column, formatTable } from '../output/table.ts';
import { readUrl } from '../sources/api.ts';
import { type ClusterContext, changeContexts, contextsPath, readContexts, without } from '../sources/contexts.ts';

type AddOptions = { url: string; ca?: string; tokenFile?: string };
type Row = ClusterContext & { name: string; isCurrent: boolean };

export function addContextCommand(program: Command, context: CliContext): void {
  const group = program.command('context').description('Names clusters, and chooses the one that is called');
  addExamples(group, [
    ['context ls', 'which there are, and which is called'],
    ['context use local', 'the one that `up` noted'],
    ['context add shop --url https://manager.shop:5000 --ca sha256:9a1c…', 'another one'],
  ]);
  addExamples(
    group
      .command('ls')
      .alias('list')
      .description('The clusters that have a name')
      .action(() => list(context)),
    [['context ls', 'the current one has a mark']],
  );
  addExamples(
    group
      .command('use <context>')
      .description('Chooses the cluster that is called; CO_URL and --url win over it')
      .action((name: string) => use(name, context)),
    [['context use shop', 'from now on']],
  );
  addExamples(
    group
      .command('add <name>')
      .description('Names a cluster, or changes how it is reached')
      .requiredOption('--url <url>', 'where a manager of it serves')
      .option('--ca <file>', 'https: the authority to trust, a file or its fingerprint sha256:…')
      .option('--token-file <file>', 'a file with the token, which CO_TOKEN wins over')
      .action((name: string, options: AddOptions) => add(name, options, context)),
    [['context add shop --url https://manager.shop:5000 --token-file ~/.shop-token', 'with a token of its own']],
  );
  addExamples(
    group
      .command('rm <context>')
      .description('Forgets a name')
      .action((name: string) => remove(name, context)),
    [['context rm shop', 'the cluster does not notice']],
  );
}

const columns: readonly Column<Row>[] = [
  { title: 'CURRENT', cell: ({ isCurrent }) => (isCurrent ? '*' : '') },
  { title: 'NAME', cell: ({ name }) => name },
  { title: 'URL', cell: ({ url }) => url },
];

function list(context: CliContext): void {
  const { current, contexts } = readContexts(context.environment);
  const rows = Object.entries(contexts).map(([name, of]) => ({ name, ...of, isCurrent: name === current }));
  printLines(formatTable(columns, rows, context), context);
}

const notKnown = (name: string) => new AppError('context_not_found', `no context is called ${name}: coctl context ls`);

async function use(name: string, { environment, print }: CliContext): Promise<void> {
  const { contexts } = await changeContexts(environment, (before) => {
    if (!Object.hasOwn(before.contexts, name)) throw notKnown(name);
    return { ...before, current: name };
  });
  print(`${name} is called from now on: ${contexts[name]!.url}`);
}

async function add(
  name: string,
  { url, ca, tokenFile }: AddOptions,
  { environment, print }: CliContext,
): Promise<void> {
  if (!/^[a-z0-9][a-z0-9._-]{0,62}$/.test(name)) {
    throw new AppError('usage_invalid', 'the name of a context has lower-case letters, digits, dots, _ and - only');
  }
  const added: ClusterContext = {
    url: readUrl(url).href.replace(/\/$/, ''),
    ...(ca === undefined ? {} : { ca: ca.startsWith('sha256:') ? ca : resolve(ca) }),
    ...(tokenFile === undefined ? {} : { tokenFile: resolve(tokenFile) }),
  };
  const { current } = await changeContexts(environment, (before) => ({
    current: before.current ?? name,
    contexts: { ...before.contexts, [name]: added },
  }));
  const called = current === name ? 'it is the current one' : `coctl context use ${name} chooses it`;
  print(`${name} is ${added.url}, in ${contextsPath(environment)}: ${called}`);
}

async function remove(name: string, { environment, print }: CliContext): Promise<void> {
  await changeContexts(environment, (before) => {
    if (!Object.hasOwn(before.contexts, name)) throw notKnown(name);
    return without(before, name);
  });
  print(`${name} is forgotten`);
}
