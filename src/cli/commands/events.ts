/** The command `coctl events`: what happened last in the whole cluster, and what happens from now on, a line an event. */

import type { Command } from 'commander';
import { systemClock } from '../../clock.ts';
import { AppError } from '../../errors.ts';
import type { EventPage, EventQuery } from '../../events/log/event-log.ts';
import type { LogEvent } from '../../events/schema/event.ts';
import { sentenceOf } from '../../history/sentences/event-sentences.ts';
import { formatTime } from '../../history/sentences/format-values.ts';
import type { CliContext } from '../output/context.ts';
import { addExamples } from '../output/examples.ts';
import { printable } from '../output/table.ts';
import { type Api, createApi } from '../sources/api.ts';
import { type AskOptions, addAskOptions, ask } from '../sources/ask.ts';
import { parseTime } from '../sources/point-in-time.ts';
import { readEventsThrough } from '../sources/read-events.ts';
import { checkNodeName, checkServiceName } from '../sources/subject-name.ts';

type Subject = { service?: string; node?: string };
type Options = AskOptions & Subject & { follow?: boolean; tail: string; since?: string; json?: boolean };
type ReadPage = (query: EventQuery) => Promise<EventPage>;

const tailDefault = 20;
const tailMax = 10_000;
/** As many as a page has at most. */
const pageMax = 1_000;

export function addEventsCommand(program: Command, context: CliContext): void {
  const command = program
    .command('events')
    .description('What happened last in the whole cluster, in its order; of one service or node `history` says more')
    .option('-f, --follow', 'and what happens from now on')
    .option('--tail <count>', `begins with so many of the last events, at most ${tailMax}`, String(tailDefault))
    .option('--since <time>', 'none before: 2026-01-31 14:03, 14:03, yesterday, 5m (ago)')
    .option('--service <service>', 'those about one service')
    .option('--node <node>', 'those about one node')
    .option('--json', 'for programs: an event a line')
    .action((options: Options) => showEvents(options, context));
  addExamples(addAskOptions(command), [
    ['events -f', 'as they happen, until Ctrl-C'],
    ['events --since 5m --tail 1000', 'the last five minutes'],
    ['events -f --node worker-2 --json', 'of one node, for a program'],
  ]);
}

async function showEvents(options: Options, context: CliContext): Promise<void> {
  const { service, node, json = false, follow: isFollowing = false } = options;
  if (service !== undefined) checkServiceName(service);
  if (node !== undefined) checkNodeName(node);
  const count = readTail(options.tail);
  const since = options.since === undefined ? {} : { since: parseTime('--since', options.since, systemClock.nowMs()) };
  const subject: Subject = { ...(service === undefined ? {} : { service }), ...(node === undefined ? {} : { node }) };
  const { signal } = context;
  const readLast = async (read: ReadPage) => {
    const end = await readEnd(read, subject);
    return { end, events: await readTailOf(read, { ...subject, ...since, before: end + 1 }, count, signal) };
  };
  const { events, end } = await ask(options, context, {
    online: (api) => readLast(readEventsThrough(api)),
    async offline({ log }) {
      if (isFollowing) throw new AppError('usage_invalid', '--follow asks a manager, and a log has an end');
      return readLast(log.read);
    },
  });
  const print = (event: LogEvent) => {
    if (json) context.printWhole(JSON.stringify(event));
    else context.print(eventLine(event));
  };
  for (const event of events) print(event);
  if (!isFollowing) return;
  for await (const event of follow(createApi(context, options), { ...subject, after: end }, signal)) print(event);
}

const positionWidth = 8;
const eventLine = (event: LogEvent) =>
  `${String(event.position).padStart(positionWidth)}  ${formatTime(event.at)}  ${printable(sentenceOf(event))}`;

/** The position of the last event; 0: there is none. What is shown ends there, and what is followed begins. */
async function readEnd(read: ReadPage, subject: Subject): Promise<number> {
  const { events } = await read({ ...subject, class: 'fact', direction: 'backward', limit: 1 });
  return events[0]?.position ?? 0;
}

/** The last so many before a position, oldest first. */
async function readTailOf(
  read: ReadPage,
  { before: end, ...query }: EventQuery,
  count: number,
  signal: AbortSignal,
): Promise<LogEvent[]> {
  const newestFirst: LogEvent[] = [];
  for (let before = end; newestFirst.length < count && before !== undefined; ) {
    signal.throwIfAborted();
    const limit = Math.min(pageMax, count - newestFirst.length);
    const page = await read({ ...query, class: 'fact', direction: 'backward', before, limit });
    newestFirst.push(...page.events);
    before = page.next ?? undefined;
  }
  return newestFirst.reverse();
}

/** As the manager sends them, until the signal aborts. @throws AppError `api_unreachable` when the manager ends it */
async function* follow(
  api: Api,
  { after, ...subject }: Subject & { after: number },
  signal: AbortSignal,
): AsyncGenerator<LogEvent> {
  const query = new URLSearchParams({ ...subject, class: 'fact', format: 'sse', after: `${after}` });
  for await (const line of api.lines(`/events?${query}`, signal)) {
    if (line.startsWith(dataPrefix)) yield JSON.parse(line.slice(dataPrefix.length)) as LogEvent;
  }
  if (!signal.aborted) throw new AppError('api_unreachable', 'the manager ended the stream of events');
}

const dataPrefix = 'data: ';

/** @throws AppError `usage_invalid` */
function readTail(text: string): number {
  const count = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (count <= tailMax) return count;
  throw new AppError(
    'usage_invalid',
    `--tail takes a number up to ${tailMax}, not ${JSON.stringify(text.slice(0, 40))}`,
  );
}
