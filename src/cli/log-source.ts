/** Owns where an offline command finds the log: MongoDB or a SQLite file, for reading only. */

import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { AppError } from '../errors.ts';
import type { ReadableLog } from '../events/open-log.ts';
import { silentLogger } from '../logger.ts';
import type { SnapshotStore } from '../projections/snapshot.ts';
import type { CliContext } from './context.ts';

export type LogOptions = { mongodb?: string; sqlite?: string };

export type LogSource = ReadableLog & {
  /** Snapshots beside the log, to read; null where there are none. */
  snapshots: Pick<SnapshotStore, 'newest' | 'discard'> | null;
};

export function addLogOptions(command: Command): Command {
  return command
    .option('--mongodb <url>', 'the log in MongoDB; CO_MONGODB_URL keeps a password out of sight')
    .option('--sqlite <file>', 'the log in a SQLite file; default: events.sqlite in CO_DATA_DIR or ./data');
}

/** Runs with the log open, and lets go of it. @throws AppError `log_missing` · `log_unavailable` · `usage_invalid` */
export async function withLog<T>(
  options: LogOptions,
  context: CliContext,
  run: (source: LogSource) => Promise<T>,
): Promise<T> {
  const source = await openLogSource(options, context);
  try {
    const head = await source.log.head();
    if (head.slot === 0) throw new AppError('log_missing', `${source.log.description} holds no event`);
    return await run(source);
  } finally {
    await source.close();
  }
}

/** The drivers are loaded when a log is asked for: most commands need none. */
async function openLogSource({ mongodb, sqlite }: LogOptions, { environment }: CliContext): Promise<LogSource> {
  if (mongodb !== undefined && sqlite !== undefined) {
    throw new AppError('usage_invalid', '--mongodb and --sqlite name two logs: give one');
  }
  const { openLogForReading } = await import('../events/open-log.ts');
  const mongodbUrl = mongodb ?? (sqlite === undefined ? environment.CO_MONGODB_URL : undefined);
  if (mongodbUrl) {
    if (!/^mongodb(\+srv)?:\/\//.test(mongodbUrl))
      throw new AppError('usage_invalid', '--mongodb takes a mongodb:// URL');
    const opened = await openLogForReading({ mongodbUrl }, { logger: silentLogger });
    const { createSnapshotCollection } = await import('../projections/snapshot-collection.ts');
    return { ...opened, snapshots: readOnly(createSnapshotCollection(opened.db!)) };
  }
  const sqlitePath = sqlite ?? join(environment.CO_DATA_DIR || './data', 'events.sqlite');
  const opened = await openLogForReading({ sqlitePath }, { logger: silentLogger });
  const { createSnapshotFiles, snapshotFolder } = await import('../projections/snapshot-files.ts');
  return { ...opened, snapshots: readOnly(createSnapshotFiles(join(dirname(sqlitePath), snapshotFolder))) };
}

/** What does not fit this program may well fit the manager that wrote it: it stays. */
const readOnly = (snapshots: SnapshotStore): LogSource['snapshots'] => ({
  newest: (notAfterSlot) => snapshots.newest(notAfterSlot),
  discard: async () => {},
});
