/** The command `coctl import`: an exported log, or the next part of one, into a log of any kind, exactly as it was. */

import { addAbortSignal } from 'node:stream';
import type { Command } from 'commander';
import { AppError } from '../../errors.ts';
import { readBytes } from '../../history/archive/archive-file.ts';
import { type ImportResult, importLog } from '../../history/archive/import.ts';
import { silentLogger } from '../../logger.ts';
import type { CliContext } from '../output/context.ts';
import { addExamples } from '../output/examples.ts';
import { count, type Totals, withProgress } from '../output/progress-bar.ts';
import { addLogOptions, type LogOptions, openPlace, placeOf } from '../sources/log-source.ts';

export function addImportCommand(program: Command, context: CliContext): void {
  const command = program
    .command('import')
    .description('Makes a log from an exported one: the same positions, times, hashes and views')
    .argument('<path>', 'the file, packed (.gz) or not; - is standard input, not packed')
    .action((path: string, options: LogOptions) => importFile(path, options, context));
  addLogOptions(command);
  addExamples(command, [
    ['import log.ndjson.gz --sqlite data/events.sqlite', 'into a new file, or on where an import was interrupted'],
    ['import log.ndjson.gz --mongodb mongodb://db/co', 'into an empty database'],
    ['import more.ndjson --sqlite copy.sqlite', 'behind what is there, when the file goes on from it'],
  ]);
  command.addHelpText(
    'after',
    '\nEach line is checked before anything of its commit is written. What is wrong is named by its line, and nothing after it\nis imported. The log must be empty, or hold a beginning of the file. Stop the managers that write to it first.',
  );
}

async function importFile(path: string, options: LogOptions, context: CliContext): Promise<void> {
  if (options.mongodb === undefined && options.sqlite === undefined) {
    throw new AppError('usage_invalid', 'name the log to import into: --sqlite or --mongodb');
  }
  const place = placeOf(options, context);
  const { signal } = context;
  const bytes = path === '-' ? addAbortSignal(signal, process.stdin) : readBytes(path, { signal });
  const { openStore } = await import('../../events/open-log.ts');
  const { store, close } = await openPlace(place, (at) => openStore(at, { logger: silentLogger }));
  try {
    const done = await withProgress(context.progressBar('importing'), (onProgress) =>
      importLog({ store }, { bytes, onProgress, signal }),
    );
    describeResult(done.value, done, store.description, context);
  } finally {
    await close();
  }
}

function describeResult(
  { totals, head, foundCommits, manifest }: ImportResult,
  { events, seconds, eventsPerSecond }: Totals,
  description: string,
  context: CliContext,
): void {
  const commits = totals.commits - foundCommits;
  const found = foundCommits > 0 ? `; ${count(foundCommits)} commits were there already` : '';
  context.print(`imported ${count(events)} events in ${count(commits)} commits into ${description}${found}`);
  context.print(`cluster ${manifest.cluster.name}, position ${head.position}; the last hash is ${head.hash}`);
  context.print(`${seconds.toFixed(1)} s, ${count(eventsPerSecond)} events/s`);
}
