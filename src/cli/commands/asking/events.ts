/** The command `coctl events`: what happened in the cluster, a line an event, and what happens from now on. */

import { type Command, Option } from 'commander';
import { systemClock } from '../../../clock.ts';
import { AppError } from '../../../errors.ts';
import { type EventClass, isEventType } from '../../../events/schema/catalog.ts';
import type { LogEvent } from '../../../events/schema/event.ts';
import { type LastQuery, type ReadEvents, readLast } from '../../../history/read-last.ts';
import { sentenceOf } from '../../../history/sentences/event-sentences.ts';
import { formatTime } from '../../../history/sentences/format-values.ts';
import type { CliContext } from '../../output/context.ts';
import { addExamples } from '../../output/examples.ts';
import { printable } from '../../output/table.ts';
import { type Api, createApi } from '../../sources/api.ts';
import { type AskOptions, addAskOptions, ask, asksManager } from '../../sources/ask.ts';
import { followEvents } from '../../sources/follow-events.ts';
import { parseTime } from '../../sources/point-in-time.ts';
import { readEventsThrough, toEventsQuery } from '../../sources/read-events.ts';
import { checkNodeName, checkServiceName } from '../../sources/subject-name.ts';
import { parseLimit } from '../option-parsers.ts';

type Options = AskOptions & {
  follow?: boolean;
  since?: string;
  until?: string;
  service?: string;
  node?: string;
  container?: string;
  type?: string[];
  stream?: string[];
  class: EventClass | 'all';
  limit: number;
  json?: boolean;
};

const limitDefault = 50;

export function addEventsCommand(program: Command, context: CliContext): void {
  const command = program
    .command('events')
    .description('What happened in the cluster, and with -f what happens from now on')
    .option('-f, --follow', 'and those to come, until Ctrl-C')
    .option('--since <time>', 'not earlier than: 2026-01-31 14:03, 14:03, yesterday, 5m (ago)')
    .option('--until <time>', 'not later than')
    .option('--service <service>', 'of a service and its containers')
    .option('--node <node>', 'of a node and what is on it')
    .option('--container <container>', 'of a container')
    .option('--type <type...>', 'of these types: ServiceRequested, NodeLost, …')
    .option('--stream <stream...>', 'of these streams: service/web, node/worker-1, …')
    .addOption(
      new Option('--class <class>', 'facts, or what nothing follows from: heartbeats, reads, pulls')
        .choices(['fact', 'telemetry', 'all'])
        .default('fact'),
    )
    .option('--limit <count>', 'the last so many', parseLimit, limitDefault)
    .option('--json', 'for programs: the event as the log has it, one a line');
  addAskOptions(command);
  addExamples(command, [
    ['events', 'the last that happened'],
    ['events -f --service web', 'what happens to a service and its containers'],
    ['events --since 5m --type ContainerFailed NodeLost', 'what failed in the last five minutes'],
    ['events --since yesterday --json', 'for programs'],
  ]);
  command.action(async (options: Options) => {
    const query = toQuery(options, systemClock.nowMs());
    if (options.follow) return follow(query, options, context);
    const show = (read: ReadEvents) => readLast(read, query, { limit: options.limit, signal: context.signal });
    const { events, isCut } = await ask(options, context, {
      online: (api) => show(readEventsThrough(api)),
      offline: ({ log }) => show(log.read),
    });
    if (isCut) context.printError('earlier events are left out: --limit shows more, --until goes back');
    for (const event of events) printEvent(event, options, context);
  });
}

/** @throws AppError `usage_invalid` */
function toQuery({ since, until, service, node, container, type, stream, ...options }: Options, nowMs: number) {
  if (service !== undefined) checkServiceName(service);
  if (node !== undefined) checkNodeName(node);
  const unknown = type?.find((name) => !isEventType(name));
  if (unknown !== undefined) throw new AppError('usage_invalid', `--type ${unknown}: there is no such type of events`);
  return {
    ...(since === undefined ? {} : { since: parseTime('--since', since, nowMs) }),
    ...(until === undefined ? {} : { until: parseTime('--until', until, nowMs) }),
    ...(service === undefined ? {} : { service }),
    ...(node === undefined ? {} : { node }),
    ...(container === undefined ? {} : { container }),
    ...(type === undefined ? {} : { types: type.filter(isEventType) }),
    ...(stream === undefined ? {} : { streams: stream }),
    ...(options.class === 'all' ? {} : { class: options.class }),
  } satisfies LastQuery;
}

/** The last that match, then those behind them. @throws AppError `usage_invalid` · as `followEvents` */
async function follow(query: LastQuery, options: Options, context: CliContext): Promise<void> {
  if (!asksManager(options))
    throw new AppError('usage_invalid', '--follow asks a manager: a log alone has no events to come');
  if (options.until !== undefined) throw new AppError('usage_invalid', '--follow has no end: give it without --until');
  const { signal } = context;
  const api = createApi(context, options);
  const head = await readHead(api);
  const { events } = await readLast(readEventsThrough(api), { ...query, to: head }, { limit: options.limit, signal });
  for (const event of events) printEvent(event, options, context);
  const { since: _, ...narrowed } = query;
  for await (const event of followEvents(api, { query: toEventsQuery(narrowed), after: head, signal })) {
    printEvent(event, options, context);
  }
}

async function readHead(api: Api): Promise<number> {
  const { events } = await readEventsThrough(api)({ direction: 'backward', limit: 1 });
  return events[0]?.position ?? 0;
}

const positionWidth = 8;

function printEvent(event: LogEvent, { json }: Pick<Options, 'json'>, context: CliContext): void {
  if (json) return void context.printWhole(JSON.stringify(event));
  const { position, at } = event;
  context.print(`${String(position).padStart(positionWidth)}  ${formatTime(at)}  ${printable(sentenceOf(event))}`);
}
