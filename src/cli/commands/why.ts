/** The command `coctl why`: the chain of causes of a container or a service, in sentences. */

import type { Command } from 'commander';
import { systemClock } from '../../clock.ts';
import { AppError } from '../../errors.ts';
import type { Chain, Link } from '../../history/explain/cause-chain.ts';
import { explainContainer, type WhyContainer } from '../../history/explain/explain-container.ts';
import { explainService, type WhyService } from '../../history/explain/explain-service.ts';
import { formatCount, formatTime } from '../../history/sentences/format-values.ts';
import type { CliContext } from '../output/context.ts';
import { addExamples } from '../output/examples.ts';
import { printable } from '../output/table.ts';
import { type AskOptions, addAskOptions, ask } from '../sources/ask.ts';
import { readView } from '../sources/past-view.ts';
import { pointAt, pointInTimeHelp } from '../sources/point-in-time.ts';
import { checkSubjectName, isContainer } from '../sources/subject-name.ts';

type Options = AskOptions & { at?: string; json?: boolean };

export function addWhyCommand(program: Command, context: CliContext): void {
  const command = program
    .command('why <container|service>')
    .description('Why a container or a service is as it is, back to the request or the failure behind it')
    .option('--at <point>', `as it was then, of a service: ${pointInTimeHelp}`)
    .option('--json', 'for programs');
  addExamples(addAskOptions(command), [
    ['why web', 'why the service web is not converged, or what moved last'],
    ['why web.1-4k', 'why this container runs there, why it ended, what replaced it'],
    ['why web --at 1500', 'why it was as it was after the event at position 1500'],
    ['why web --offline', 'after a crash, without a manager'],
  ]);
  command.action(async (name: string, options: Options) => {
    checkSubjectName(name);
    const why = await explain(name, options, context);
    if (options.json) return context.printJson(why);
    for (const line of whyLines(why)) context.print(line);
  });
}

function explain(name: string, options: Options, context: CliContext): Promise<WhyContainer | WhyService> {
  const { at } = options;
  const { signal } = context;
  if (!isContainer(name)) {
    const to = pointAt(at, systemClock.nowMs());
    const query = at === undefined ? '' : `?at=${encodeURIComponent(at)}`;
    return ask(options, context, {
      online: (api) => api.get(`/service/${name}/why${query}`),
      offline: async (source) => explainService(source.log, await readView(source, context, to), name, signal),
    });
  }
  if (at !== undefined) {
    throw new AppError('usage_invalid', '--at is for a service: of a container the whole life is shown anyway');
  }
  return ask(options, context, {
    online: (api) => api.get(`/container/${name}/why`),
    offline: ({ log }) => explainContainer(log, name, signal),
  });
}

/** For people: the answer, then each event below the one it caused. */
function whyLines(why: WhyContainer | WhyService): string[] {
  return [
    printable(why.answer),
    ...why.notes.map((note) => printable(`(${note})`)),
    '',
    ...why.chain.flatMap(linkLines),
    ...leftLines(why),
  ];
}

function linkLines({ position, at, sentence, details, because }: Link): string[] {
  const from = because === null ? '' : `  [from ${because}]`;
  const head = `${String(position).padStart(positionWidth)}  ${formatTime(at)}  `;
  const indent = ' '.repeat(head.length + 2);
  return [`${head}${printable(sentence)}${from}`, ...details.map((line) => `${indent}${printable(line)}`)];
}

const positionWidth = 8;

function leftLines({ left }: Chain): string[] {
  if (!left) return [];
  const atLeast = left.isAtLeast ? 'at least ' : '';
  return ['', `${atLeast}${formatCount(left.containers, 'earlier container')} in the same place left out`];
}
