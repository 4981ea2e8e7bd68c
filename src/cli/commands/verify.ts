/** The command `coctl verify`: whether the log is what was written, and whether what was derived from it is what it says. */

import type { Command } from 'commander';
import { formatCount, formatTime } from '../../history/sentences/format-values.ts';
import { isSound, type LogReport, verifyLog } from '../../history/verify/log-check.ts';
import { describeDifference } from '../../history/verify/view-comparison.ts';
import { silentLogger } from '../../logger.ts';
import { type CliContext, exitCodes } from '../output/context.ts';
import { addExamples } from '../output/examples.ts';
import { count, type Totals, withProgress } from '../output/progress-bar.ts';
import { printable } from '../output/table.ts';
import { type ApiOptions, addApiOptions, createApi } from '../sources/api.ts';
import { readCollectionRows, readLiveRows, readSnapshotRows } from '../sources/derived-rows.ts';
import { addReadOptions, type LogSource, type ReadOptions, withLog } from '../sources/log-source.ts';

type Options = ReadOptions & ApiOptions & { live?: boolean; expectHead?: string; json?: boolean };

export function addVerifyCommand(program: Command, context: CliContext): void {
  const command = program
    .command('verify')
    .description('Checks that the log is whole, and that what was derived from it is what it says')
    .option('--live', 'compares what a running manager shows, too')
    .option('--expect-head <hash>', 'fails unless the commit with this hash is in it: the last one when it was noted')
    .option('--json', 'the report for a program')
    .action((options: Options) => withLog(options, context, (source) => verify(source, options, context)));
  addReadOptions(command);
  addApiOptions(command);
  addExamples(command, [
    ['verify', 'the log in ./data: its chain of hashes, its fold, its newest snapshot'],
    ['verify --expect-head 5f0c…', 'the hash that an earlier verify printed: shows whether the end was cut off since'],
    ['verify --live', 'and the state of the manager that writes it'],
    ['verify --mongodb mongodb://db/co', 'and the collections, at their checkpoint'],
  ]);
}

async function verify(
  source: LogSource,
  { live = false, expectHead, json = false, ...where }: Options,
  context: CliContext,
): Promise<void> {
  const api = live || where.url !== undefined ? createApi(context, where) : null;
  // Read before the log, which then reaches at least as far.
  const found = [
    api && (await readLiveRows(api, source)),
    await readCollectionRows(source),
    await readSnapshotRows(source),
  ];
  const { log, anchor } = source;
  const expectedHash = expectHead ?? anchor?.hash ?? null;
  const damage = await source.check();
  const { value: report, ...rate } = await withProgress(context.progressBar('verifying'), (onProgress) =>
    verifyLog(
      { log, logger: silentLogger },
      { found: found.filter((rows) => rows !== null), expectedHash, onProgress, signal: context.signal },
    ),
  );
  const isFine = isSound(report) && damage.length === 0;
  if (json)
    context.printJson({
      sound: isFine,
      damage,
      ...report,
      seconds: rate.seconds,
      eventsPerSecond: rate.eventsPerSecond,
    });
  else {
    const lines = [...describeStore(damage, expectedHash, report), ...describeReport(report, rate, log.description)];
    for (const line of lines) context.print(printable(line));
  }
  if (!isFine) context.exitWith(exitCodes.different);
}

/** A line for each thing checked; those that are wrong begin with a word in capitals. Pure. */
function describeReport(report: LogReport, { seconds, eventsPerSecond }: Totals, description: string): string[] {
  const { chain, unfoldable, compared, position, at } = report;
  const { broken, commits, events, pruned, headHash } = chain;
  const lines = [
    broken
      ? `BROKEN: slot ${broken.slot}, from position ${broken.position}: ${broken.why}`
      : `the chain is whole: ${count(commits)} commits, ${count(pruned)} of them pruned; the last hash is ${headHash}`,
    unfoldable
      ? `UNFOLDABLE: position ${unfoldable.position}: ${unfoldable.why}`
      : `the log folds, to position ${position}, ${formatTime(at)}`,
    ...compared.map(({ source, rows, difference, position: where }) =>
      difference
        ? `DIFFERENT: ${source}, position ${where}: ${describeDifference(difference)}`
        : `${source}, position ${where}: ${formatCount(rows, 'row')} as the log says`,
    ),
  ];
  return [
    ...lines,
    `verified ${count(events)} events of ${description} in ${seconds.toFixed(1)} s, ${count(eventsPerSecond)} events/s`,
  ];
}

/** What lies beneath the chain, and whether its end is there. Pure. */
function describeStore(damage: readonly string[], expectedHash: string | null, { chain }: LogReport): string[] {
  const lines = damage.map((why) => `DAMAGED: ${why}; ./coctl export and import make a whole file of the commits`);
  if (!chain.isExpectedFound)
    lines.push(`CUT OFF: the commit with the hash ${expectedHash} is not in the log any more`);
  return lines;
}
