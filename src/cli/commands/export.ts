/** The command `coctl export`: the log, or a part of it, as a file that any log can be made from again. */

import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { systemClock } from '../../clock.ts';
import { AppError, hasCode } from '../../errors.ts';
import { type Export, type ExportOptions, startExport, type TransferProgress } from '../../history/archive/export.ts';
import { type ExportResult, exportToFile, partialOf } from '../../history/archive/partial-file.ts';
import type { CliContext } from '../output/context.ts';
import { addExamples } from '../output/examples.ts';
import { count, type Totals, withProgress } from '../output/progress-bar.ts';
import { readProgram } from '../output/version.ts';
import { addReadOptions, type LogSource, type ReadOptions, withLog } from '../sources/log-source.ts';
import { parsePointInTime, pointInTimeHelp } from '../sources/point-in-time.ts';

type Options = ReadOptions & { from?: string; to?: string; resume?: boolean };

export function addExportCommand(program: Command, context: CliContext): void {
  const command = program
    .command('export')
    .description(
      'Writes the log to a file: NDJSON with CloudEvents 1.0, checked by hashes from the first line to the last',
    )
    .argument('<path>', 'the file to write; a name that ends in .gz is packed; - is standard output')
    .option('--from <point>', `begins with the commit of ${pointInTimeHelp}`)
    .option('--to <point>', 'ends with the commit of a position, or with the last one not later than a time')
    .option('--resume', 'goes on where an interrupted export of this file stopped')
    .action((path: string, options: Options) =>
      withLog(options, context, (source) =>
        path === '-' ? exportToStream(source, options, context) : exportFile(source, path, options, context),
      ),
    );
  addReadOptions(command);
  addExamples(command, [
    ['export log.ndjson.gz', 'the whole log in ./data, also while a manager writes it'],
    ['export log.ndjson.gz --resume', 'what is left of it, after an interruption'],
    ['export --from 15001 more.ndjson', 'what came after position 15000, to import behind it'],
    ['export --mongodb mongodb://db/co - | wc -l', 'to another program'],
  ]);
}

async function exportFile({ log }: LogSource, path: string, options: Options, context: CliContext): Promise<void> {
  const { resume = false } = options;
  if (resume && (options.from ?? options.to) !== undefined) {
    throw new AppError('usage_invalid', '--resume keeps the range of the file: not with --from or --to');
  }
  try {
    const done = await withProgress(context.progressBar('exporting'), (onProgress) =>
      exportToFile({ log }, path, { ...exportOptions(options, context, onProgress), isResumed: resume }),
    );
    describeResult(done.value, done, path, context);
  } catch (error) {
    if (context.signal.aborted) context.printError(`${partialOf(path)} holds what was exported: --resume goes on`);
    if (!hasCode(error, 'file_exists')) throw error;
    throw new AppError('file_exists', `${path} is there already: give another name, or delete it first`);
  }
}

/** Past the context: a pipe that is full has to hold up the export, not to fill the memory. */
async function exportToStream({ log }: LogSource, options: Options, context: CliContext): Promise<void> {
  if (options.resume) throw new AppError('usage_invalid', '--resume needs a file to go on with');
  const done = await withProgress(context.progressBar('exporting'), async (onProgress): Promise<Export> => {
    const started = await startExport({ log }, exportOptions(options, context, onProgress));
    await pipeline(Readable.from(started.text, { objectMode: false }), process.stdout, { end: false });
    return started;
  });
  const { check } = done.value;
  const result = { manifest: check.manifest()!, totals: check.totals(), head: check.head(), resumedAfterSlot: null };
  describeResult(result, done, 'standard output', context);
}

function exportOptions({ from, to }: Options, { signal }: CliContext, onProgress: TransferProgress): ExportOptions {
  const nowMs = systemClock.nowMs();
  return {
    ...(from === undefined ? {} : { from: parsePointInTime('--from', from, nowMs) }),
    ...(to === undefined ? {} : { to: parsePointInTime('--to', to, nowMs) }),
    ...{ program: programName(), onProgress, signal },
  };
}

function programName(): string {
  const { name, version } = readProgram();
  return `${name} ${version}`;
}

/** On standard error where the export itself goes to standard output. */
function describeResult(result: ExportResult, rate: Totals, path: string, context: CliContext): void {
  const { manifest, totals, head, resumedAfterSlot } = result;
  const say = path === 'standard output' ? context.printError : context.print;
  const pruned = totals.prunedEvents > 0 ? `, ${count(totals.prunedEvents)} of them pruned` : '';
  const resumed = resumedAfterSlot === null ? '' : `, gone on with after slot ${resumedAfterSlot}`;
  say(`exported ${count(totals.events)} events in ${count(totals.commits)} commits${pruned}, to ${path}${resumed}`);
  say(`positions ${manifest.after.position + 1} to ${head.position}; the last hash is ${head.hash}`);
  say(`${rate.seconds.toFixed(1)} s, ${count(rate.eventsPerSecond)} events/s`);
}
