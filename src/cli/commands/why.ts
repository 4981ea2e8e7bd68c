/** The command `coctl why`: the chain of causes of a container, a service or a node, in sentences. */

import type { Command } from 'commander';
import { systemClock } from '../../clock.ts';
import { AppError, hasCode } from '../../errors.ts';
import { explainContainer, type WhyContainer } from '../../history/explain/explain-container.ts';
import { explainNode, type WhyNode } from '../../history/explain/explain-node.ts';
import { explainService, type WhyService } from '../../history/explain/explain-service.ts';
import { type NodeRow, nodeRow } from '../../projections/rows/node-row.ts';
import type { CliContext } from '../output/context.ts';
import { addExamples } from '../output/examples.ts';
import { whyLines } from '../output/why-lines.ts';
import type { Api } from '../sources/api.ts';
import { type AskOptions, addAskOptions, ask } from '../sources/ask.ts';
import { readView } from '../sources/past-view.ts';
import { pointAt, pointInTimeHelp, queryPoint } from '../sources/point-in-time.ts';
import { readEventsThrough } from '../sources/read-events.ts';
import { checkSubjectName, isContainer } from '../sources/subject-name.ts';

type Options = AskOptions & { at?: string; all?: boolean; json?: boolean };
type Why = WhyContainer | WhyService | WhyNode;

export function addWhyCommand(program: Command, context: CliContext): void {
  const command = program
    .command('why <container|service|node>')
    .description('Why a container, a service or a node is as it is, back to the request or the failure behind it')
    .option('--at <point>', `as it was then, of a service or a node: ${pointInTimeHelp}`)
    .option('-a, --all', 'each attempt in full, also those that went as a later one did')
    .option('--json', 'for programs');
  addExamples(addAskOptions(command), [
    ['why web', 'why the service web is not converged, or what moved last'],
    ['why web.1-4k', 'why this container runs there, why it ended, what replaced it'],
    ['why worker-2', 'why the node is used or not'],
    ['why web --at 1500', 'why it was as it was after the event at position 1500'],
    ['why web --offline', 'after a crash, without a manager'],
  ]);
  command.action(async (name: string, options: Options) => {
    checkSubjectName(name);
    const why = await explain(name, options, context);
    if (options.json) return context.printJson(why);
    for (const line of whyLines(why, { isWhole: options.all ?? false })) context.print(line);
  });
}

function explain(name: string, options: Options, context: CliContext): Promise<Why> {
  const { at } = options;
  const { signal } = context;
  if (isContainer(name)) {
    if (at !== undefined) {
      throw new AppError(
        'usage_invalid',
        '--at is for services and nodes: of a container the whole life is shown anyway',
      );
    }
    return ask<Why>(options, context, {
      online: (api) => api.get(`/container/${name}/why`),
      offline: ({ log }) => explainContainer(log, name, signal),
    });
  }
  const nowMs = systemClock.nowMs();
  const to = pointAt(at, nowMs);
  const query = at === undefined ? '' : `?at=${queryPoint('--at', at, nowMs)}`;
  return ask<Why>(options, context, {
    online: (api) =>
      api.get<WhyService>(`/service/${name}/why${query}`).catch((error) => {
        if (!hasCode(error, 'service_not_found')) throw error;
        return explainNodeOf(api, name, query, error, signal);
      }),
    offline: async (source) => {
      const view = await readView(source, context, to);
      const node = view.nodes.get(name);
      if (!node || view.services.has(name)) return explainService(source.log, view, name, signal);
      return explainNode(source.log, nodeRow(node), { position: view.position, at: view.at, signal });
    },
  });
}

/** @param noService is what is said when it is no node either */
async function explainNodeOf(
  api: Api,
  name: string,
  query: string,
  noService: unknown,
  signal: AbortSignal,
): Promise<WhyNode> {
  const node = await api.get<NodeRow & { position: number; at: string }>(`/node/${name}${query}`).catch((error) => {
    throw hasCode(error, 'node_not_found') ? noService : error;
  });
  const { position, at } = node;
  return explainNode({ read: readEventsThrough(api) }, node, { position, at, signal });
}
