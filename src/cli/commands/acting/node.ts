/** The commands `coctl node …`: takes machines out of service and back, labels them, and removes those that are gone. */

import type { Command } from 'commander';
import type { WhatIfAnswer } from '../../../history/what-if/what-if.ts';
import type { CliContext } from '../../output/context.ts';
import { addExamples } from '../../output/examples.ts';
import { printable } from '../../output/table.ts';
import { whatIfTables } from '../../output/what-if-tables.ts';
import { type Api, type ApiOptions, addApiOptions, createApi } from '../../sources/api.ts';
import { parseDuration } from '../../sources/duration.ts';
import { formatNodeLabels, parseNodeLabels } from '../../sources/node-labels.ts';
import { checkNodeName } from '../../sources/subject-name.ts';
import { addNodesCommand } from '../asking/lists.ts';
import { waitUntilEmpty } from './drained-node.ts';

type Options = ApiOptions & { dryRun?: boolean; json?: boolean };
type DrainOptions = Options & { detach?: boolean; timeout: string };
type AcceptedNodes = {
  position: number;
  nodes: { node: string; availability?: string; labels?: { name: string; value: string }[] }[];
};
type DryRunNodes = Pick<AcceptedNodes, 'nodes'> & { plan: WhatIfAnswer };

const actions = [
  { name: 'cordon', method: 'POST', path: '/cordon', does: 'Places nothing more on nodes; what runs there stays' },
  { name: 'activate', method: 'POST', path: '/activate', does: 'Places containers on nodes again' },
  {
    ...{ name: 'lost', method: 'POST', path: '/lost' },
    does: 'Declares nodes lost that send no heartbeats: their containers are replaced, also while rescheduling is paused',
  },
  { name: 'rm', method: 'DELETE', path: '', does: 'Removes lost nodes, and their users on the broker' },
] as const;

export function addNodeCommand(program: Command, context: CliContext): void {
  const group = program
    .command('node')
    .description('Takes nodes out of service and back, labels them, and removes those that are gone');
  addExamples(group, [
    ['node ls', 'which there are'],
    ['node drain worker-2', 'moves everything off it, and waits until it is empty'],
    ['node activate worker-2', 'uses it again'],
    ['node label worker-2 zone=a', 'what `coctl run --constraint` and `--spread` go by'],
  ]);
  addNodesCommand(group, context, 'ls');
  addDrain(group, context);
  addLabel(group, context);
  for (const action of actions) {
    const { name, method, path, does } = action;
    const command = group
      .command(`${name} <node...>`)
      .description(does)
      .action(async (nodes: string[], options: Options) => {
        await changeNodes(nodes, { method, path }, options, context);
      });
    addNodeOptions(command);
    addExamples(command, [[`node ${name} worker-2`, does.charAt(0).toLowerCase() + does.slice(1)]]);
  }
}

const addNodeOptions = (command: Command): Command =>
  addApiOptions(
    command.option('--dry-run', 'says what would follow, and changes nothing').option('--json', 'for programs'),
  );

/** @returns null after a dry run */
async function changeNodes(
  nodes: readonly string[],
  { method, path }: { method: string; path: string },
  { dryRun, json, ...options }: Options,
  context: CliContext,
): Promise<Api | null> {
  nodes.forEach(checkNodeName);
  const api = createApi(context, options);
  const answers: unknown[] = [];
  for (const node of nodes) {
    const url = `/node/${node}${path}`;
    if (dryRun) {
      const answer = await api.call<DryRunNodes>(method, `${url}?dryRun=true`);
      answers.push(answer);
      if (!json) for (const line of whatIfTables(answer.plan, context)) context.print(line);
      continue;
    }
    const accepted = await api.call<AcceptedNodes>(method, url);
    answers.push(accepted);
    if (!json) for (const { node, availability } of accepted.nodes) context.print(`${node} is ${availability}`);
  }
  if (json) context.printJson(answers.length === 1 ? answers[0] : answers);
  return dryRun ? null : api;
}

function addLabel(group: Command, context: CliContext): void {
  const command = group
    .command('label <node> <label...>')
    .description('Sets labels of a node (zone=a), and takes them away (zone-)')
    .action((node: string, labels: string[], options: Options) => labelNode(node, labels, options, context));
  addNodeOptions(command).addHelpText(
    'after',
    "\nThey win over labels that the agent has of its own; one that is taken away is the agent's again, if it has it.",
  );
  addExamples(command, [
    ['node label worker-2 zone=a disk=ssd', 'two labels, beside those that it has'],
    ['node label worker-2 zone=b disk-', 'changes one, and takes the other away'],
    ['node label worker-2 zone=b --dry-run', 'what would move'],
  ]);
}

async function labelNode(
  node: string,
  args: readonly string[],
  { dryRun, json, ...options }: Options,
  context: CliContext,
): Promise<void> {
  checkNodeName(node);
  const labels = parseNodeLabels(args);
  const path = `/node/${node}/labels${dryRun ? '?dryRun=true' : ''}`;
  const answer = await createApi(context, options).call<AcceptedNodes | DryRunNodes>('PATCH', path, labels);
  if (json) return context.printJson(answer);
  for (const { node: name, labels: set = [] } of answer.nodes) {
    const has = dryRun ? 'would have' : 'has';
    const what = set.length > 0 ? `the labels ${formatNodeLabels(set)}` : 'no labels but those of its agent';
    context.print(printable(`${name} ${has} ${what}`));
  }
  if ('plan' in answer) for (const line of whatIfTables(answer.plan, context)) context.print(line);
}

function addDrain(group: Command, context: CliContext): void {
  const command = group
    .command('drain <node...>')
    .description('Moves everything off nodes, and places nothing more on them')
    .option('--detach', 'does not wait until they are empty')
    .option('--timeout <duration>', 'how long to wait', '10m')
    .action(async (nodes: string[], { detach, timeout, ...options }: DrainOptions) => {
      const timeoutMs = parseDuration('--timeout', timeout);
      const api = await changeNodes(nodes, { method: 'POST', path: '/drain' }, options, context);
      if (api === null || detach) return;
      for (const node of nodes) await waitUntilEmpty(api, node, { timeoutMs, isQuiet: options.json ?? false, context });
    });
  addNodeOptions(command).addHelpText('after', '\nExit code 4: containers are still there when the time is over.');
  addExamples(command, [
    ['node drain worker-2', 'and waits until no container is left on it'],
    ['node drain worker-2 --dry-run', 'where its containers would go'],
  ]);
}
