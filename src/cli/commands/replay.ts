/**
 * The command `coctl replay`: the views rebuilt from the log alone, as of any point in time; written over the collections
 * of MongoDB when asked; or the history played again, line by line.
 */

import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import { systemClock } from '../../clock.ts';
import { AppError } from '../../errors.ts';
import { play } from '../../history/replay/playback.ts';
import { type BadEvent, replay } from '../../history/replay/replay.ts';
import { sentenceOf } from '../../history/sentences/event-sentences.ts';
import { formatCount, formatTime } from '../../history/sentences/format-values.ts';
import { silentLogger } from '../../logger.ts';
import { stateBody } from '../../projections/rows/state-bodies.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';
import { type CliContext, exitCodes } from '../output/context.ts';
import { addExamples } from '../output/examples.ts';
import { printLines } from '../output/formats.ts';
import { count, withProgress } from '../output/progress-bar.ts';
import { stateTables } from '../output/state-tables.ts';
import { printable } from '../output/table.ts';
import { addReadOptions, type LogSource, type ReadOptions, withLog } from '../sources/log-source.ts';
import { parsePointInTime, pointAt, pointInTimeHelp } from '../sources/point-in-time.ts';

type Options = ReadOptions & {
  at?: string;
  quick?: boolean;
  skipBad?: boolean;
  rebuild?: boolean;
  from?: string;
  to?: string;
  speed?: string;
  telemetry?: boolean;
  json?: boolean;
};

export function addReplayCommand(program: Command, context: CliContext): void {
  const command = program
    .command('replay')
    .description('Rebuilds the views from the log alone, as of any point in time; or plays the history again')
    .option('--at <point>', `shows the state then: ${pointInTimeHelp}`)
    .option('--json', 'the state as the body of GET /state; with --from, --to or --speed: an event a line')
    .option('--quick', 'begins at the nearest snapshot instead of the first event')
    .option('--skip-bad', 'goes on without events that cannot be folded, and without what follows on their streams')
    .option('--rebuild', 'MongoDB only: writes node_config, container_config and service_config again')
    .option('--from <point>', 'plays from here, an event a line, as time passed')
    .option('--to <point>', 'plays up to here')
    .option('--speed <factor>', 'plays so many times as fast, or `max` (default: 1)')
    .option('--telemetry', 'plays heartbeats, reads and pulls instead of facts')
    .action((options: Options) =>
      withLog(options, context, async (source) => {
        if (isPlay(options)) await playHistory(source, options, context);
        else await replayLog(source, options, context);
      }),
    );
  addReadOptions(command);
  addExamples(command, [
    ['replay', 'folds the whole log, with a rate'],
    ['replay --at 2026-01-31T14:03:00Z', 'services, nodes and containers as of then'],
    ['replay --sqlite copy.sqlite --at 1500 --json', 'the same of another file, for a program'],
    ['replay --mongodb mongodb://db/co --rebuild', 'heals collections that were dropped or edited'],
    ['replay --from 1400 --to 1500 --speed 60', 'what happened, a minute in a second'],
  ]);
}

const isPlay = ({ from, to, speed }: Options) => [from, to, speed].some((given) => given !== undefined);

async function replayLog(source: LogSource, options: Options, context: CliContext): Promise<void> {
  const { at, json = false, rebuild = false } = options;
  if (rebuild) refuseRebuild(source, options);
  const { view, bad } = await foldLog(source, options, context);
  if (rebuild) await rebuildCollections(source, view, context);
  if (json) context.printJson(bodyOf(source, view));
  else if (at !== undefined) {
    const body = bodyOf(source, view);
    const shown = { containers: true, nowMs: Date.parse(body.at), look: context };
    printLines(stateTables(body, shown), context);
  }
  if (bad > 0) context.exitWith(exitCodes.different);
}

const bodyOf = ({ log }: LogSource, view: ClusterView) =>
  stateBody(view, { log: log.description, bus: 'none: a replay' });

/** @throws AppError `usage_invalid` */
function refuseRebuild({ db }: LogSource, { at, skipBad, quick }: Options): void {
  if (db === null) throw new AppError('usage_invalid', '--rebuild writes collections of MongoDB: give --mongodb');
  if (at !== undefined) throw new AppError('usage_invalid', '--rebuild writes the present, --at is about the past');
  if (skipBad || quick) {
    throw new AppError('usage_invalid', '--rebuild writes what the whole log says: not with --skip-bad or --quick');
  }
}

async function foldLog({ log, snapshots }: LogSource, options: Options, context: CliContext) {
  const { at, quick = false, skipBad = false, json = false } = options;
  const say = json ? context.printError : context.print;
  let bad = 0;
  const onBad = (event: BadEvent, error: Error) => {
    bad += 1;
    const what = `position ${event.position}, ${event.type} on ${event.stream}`;
    context.printError(printable(`skipped ${what}, and what follows on that stream: ${error.message}`));
  };
  const to = pointAt(at, systemClock.nowMs());
  const { value: view, ...totals } = await withProgress(context.progressBar('replaying'), (onProgress) =>
    replay(
      { log, logger: silentLogger, snapshots: quick ? snapshots : null },
      { to, signal: context.signal, onProgress, ...(skipBad ? { onBad } : {}) },
    ),
  );
  const { events, seconds, eventsPerSecond } = totals;
  const rate = `${seconds.toFixed(1)} s, ${count(eventsPerSecond)} events/s`;
  say(`replayed ${count(events)} events of ${log.description} in ${rate}`);
  say(`position ${view.position}, ${formatTime(view.at)}: ${sizesOf(view)}`);
  return { view, bad };
}

function sizesOf({ services, nodes, containers, ended }: ClusterView): string {
  const live = formatCount(containers.size - ended.size, 'container');
  return `${formatCount(services.size, 'service')}, ${formatCount(nodes.size, 'node')}, ${live}, and ${ended.size} that ended within the hour`;
}

async function rebuildCollections({ db }: LogSource, view: ClusterView, context: CliContext): Promise<void> {
  const { readModels, rebuildReadModels } = await import('../../projections/read-models/read-model-documents.ts');
  await rebuildReadModels(db!, view);
  for (const { collection, items } of readModels) {
    context.printError(`${collection} is rebuilt: ${formatCount(items(view).size, 'row')}`);
  }
}

async function playHistory({ log }: LogSource, options: Options, context: CliContext): Promise<void> {
  const { from, to, telemetry = false, json = false, at, rebuild } = options;
  if (at !== undefined || rebuild)
    throw new AppError('usage_invalid', '--from, --to and --speed play: not with --at, --rebuild');
  const nowMs = systemClock.nowMs();
  const bounds = {
    ...(from === undefined ? {} : { from: parsePointInTime('--from', from, nowMs) }),
    ...(to === undefined ? {} : { to: parsePointInTime('--to', to, nowMs) }),
  };
  const { signal } = context;
  const clock = { monotonicMs: systemClock.monotonicMs, pause: pauseFor };
  const speed = parseSpeed(options.speed ?? '1');
  for await (const event of play(
    { log, clock },
    { ...bounds, speed, class: telemetry ? 'telemetry' : 'fact', signal },
  )) {
    if (json) context.printWhole(JSON.stringify(event));
    else context.print(printable(`${formatTime(event.at)}  ${event.position}  ${sentenceOf(event)}`));
  }
}

const pauseFor = (delayMs: number, signal: AbortSignal) => pause(delayMs, undefined, { signal }).catch(() => {});

/** @throws AppError `usage_invalid` */
function parseSpeed(text: string): number {
  if (text === 'max') return Number.POSITIVE_INFINITY;
  const speed = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (speed > 0) return speed;
  throw new AppError(
    'usage_invalid',
    `--speed takes a number above 0 or max, not ${JSON.stringify(text.slice(0, 40))}`,
  );
}
