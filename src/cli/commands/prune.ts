/** The command `coctl prune`: empties old telemetry by command. A manager does the same by itself, as its retention says. */

import type { Command } from 'commander';
import { systemClock } from '../../clock.ts';
import { AppError } from '../../errors.ts';
import { countPrunable, findPrunable, type Prunable, prune } from '../../history/retention/retention.ts';
import { silentLogger } from '../../logger.ts';
import type { CliContext } from '../output/context.ts';
import { addExamples } from '../output/examples.ts';
import { count, withProgress } from '../output/progress-bar.ts';
import { parseDuration } from '../sources/duration.ts';
import { addLogOptions, type LogOptions, openPlace, placeOf, withLog } from '../sources/log-source.ts';

type Options = LogOptions & { olderThan: string; dryRun?: boolean; vacuum?: boolean };

export function addPruneCommand(program: Command, context: CliContext): void {
  const command = program
    .command('prune')
    .description('Empties telemetry (heartbeats, reads, pulls) older than so much; facts stay for ever')
    .requiredOption('--older-than <duration>', 'before the last event of the log, such as 24h, 7d or 90m')
    .option('--dry-run', 'says how much it would be, and changes nothing')
    .option('--vacuum', 'SQLite only: makes the file smaller afterwards, which takes time and as much space again')
    .action((options: Options) => (options.dryRun ? countOnly(options, context) : pruneLog(options, context)));
  addLogOptions(command);
  addExamples(command, [
    ['prune --older-than 24h --dry-run', 'how much of the log in ./data it would be'],
    ['prune --older-than 24h --vacuum', 'the same done, and the file made smaller; stop the manager first'],
    ['prune --older-than 7d --mongodb mongodb://db/co', 'also beside running managers'],
  ]);
}

async function countOnly(options: Options, context: CliContext): Promise<void> {
  const retentionMs = parseDuration('--older-than', options.olderThan);
  await withLog(options, context, async ({ log }) => {
    const prunable = await findPrunable(log, { retentionMs, isThorough: true });
    const { commits, events } = prunable ? await countPrunable(log, prunable) : { commits: 0, events: 0 };
    context.print(`${count(events)} events in ${count(commits)} commits would be pruned${throughOf(prunable)}`);
  });
}

async function pruneLog({ olderThan, vacuum = false, ...where }: Options, context: CliContext): Promise<void> {
  const retentionMs = parseDuration('--older-than', olderThan);
  const place = placeOf(where, context);
  if (vacuum && !('sqlitePath' in place)) throw new AppError('usage_invalid', '--vacuum is for SQLite');
  // Refuses a log that is not there, which opening for writing would make.
  await withLog(where, context, async () => {});
  const [{ openStore }, { createCommitLog }] = await Promise.all([
    import('../../events/open-log.ts'),
    import('../../events/log/commit-log.ts'),
  ]);
  const { store, close } = await openPlace(place, (at) => openStore(at, { logger: silentLogger }));
  try {
    const log = await createCommitLog({ store, clock: systemClock, logger: silentLogger }, { writer: 'coctl' });
    const prunable = await findPrunable(log, { retentionMs, isThorough: true });
    const { value: pruned } = await withProgress(context.progressBar('pruning'), async (onProgress) => {
      if (!prunable) return { commits: 0, events: 0 };
      const { signal } = context;
      return prune(log, prunable, {
        actor: 'person:operator',
        signal,
        onStep: ({ slot, throughSlot, events }) => onProgress({ position: slot, end: throughSlot, events }),
      });
    });
    await log.close();
    context.print(`pruned ${count(pruned.events)} events in ${count(pruned.commits)} commits${throughOf(prunable)}`);
  } finally {
    await close();
  }
  if (vacuum && 'sqlitePath' in place) await shrink(place.sqlitePath, context);
}

async function shrink(path: string, context: CliContext): Promise<void> {
  const { compactSqliteFile } = await import('../../events/stores/sqlite/compact.ts');
  const { beforeBytes, afterBytes } = compactSqliteFile(path);
  context.print(`${path}: ${megabytes(beforeBytes)} before, ${megabytes(afterBytes)} now`);
}

const megabytes = (bytes: number) => `${(bytes / 1_000_000).toFixed(1)} MB`;

const throughOf = (prunable: Prunable | null) =>
  prunable ? `, up to position ${prunable.throughPosition}` : ': nothing is that old';
