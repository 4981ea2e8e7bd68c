/** Opens the log for an offline command: MongoDB, a SQLite file or an exported log, for reading only. */

import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { AppError } from '../../errors.ts';
import { type LogAnchor, readAnchor } from '../../events/log-anchor.ts';
import type { LogPlace, ReadableLog } from '../../events/open-log.ts';
import { silentLogger } from '../../logger.ts';
import { describeSetting } from '../../process/arguments.ts';
import type { SnapshotStore } from '../../projections/snapshots/snapshot.ts';
import type { CliContext } from '../output/context.ts';
import { withProgress } from '../output/progress-bar.ts';

export type LogOptions = { mongodb?: string; mongodbCa?: string; sqlite?: string; data?: string };

/** Where a log is only read, it may be an exported one. */
export type ReadOptions = LogOptions & { file?: string };

export type LogSource = ReadableLog & {
  /** Snapshots beside the log, to read; null where there are none. */
  snapshots: Pick<SnapshotStore, 'newest' | 'discard'> | null;
  /** The last commit that a manager noted beside it; null where there is no such note. */
  anchor: LogAnchor | null;
};

export function addReadOptions(command: Command): Command {
  return addLogOptions(command).option('--file <path>', 'a log that `coctl export` wrote, packed (.gz) or not');
}

export function addLogOptions(command: Command): Command {
  return command
    .option(
      '--mongodb <url>',
      describeSetting('the log in MongoDB; the variable keeps a password out of sight', { env: 'CO_MONGODB_URL' }),
    )
    .option('--mongodb-ca <file>', describeSetting('TLS to it, by this authority', { env: 'CO_MONGODB_CA' }))
    .option(
      '--sqlite <file>',
      describeSetting('the log in a SQLite file', { fallback: 'events.sqlite in the data folder' }),
    )
    .option(
      '--data <folder>',
      describeSetting('the log in the data folder of `up`', { fallback: './data', env: 'CO_DATA_DIR' }),
    );
}

/** Runs with the log open, and lets go of it. @throws AppError `log_missing` · `log_unavailable` · `usage_invalid` */
export async function withLog<T>(
  options: ReadOptions,
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

/** Which log is meant. @throws AppError `usage_invalid` */
export function placeOf({ mongodb, mongodbCa, data, ...given }: LogOptions, { environment }: CliContext): LogPlace {
  if (data !== undefined && (mongodb ?? given.sqlite) !== undefined) {
    throw new AppError('usage_invalid', '--data names a log of its own: give one');
  }
  const sqlite = data === undefined ? given.sqlite : join(data, 'events.sqlite');
  if (mongodb !== undefined && sqlite !== undefined) {
    throw new AppError('usage_invalid', '--mongodb and --sqlite name two logs: give one');
  }
  const mongodbUrl = mongodb ?? (sqlite === undefined ? environment.CO_MONGODB_URL : undefined);
  if (!mongodbUrl) return { sqlitePath: sqlite ?? join(environment.CO_DATA_DIR || './data', 'events.sqlite') };
  if (/^mongodb(\+srv)?:\/\//.test(mongodbUrl)) {
    return { mongodbUrl, mongodbCa: mongodbCa ?? (environment.CO_MONGODB_CA || null) };
  }
  throw new AppError('usage_invalid', '--mongodb takes a mongodb:// URL');
}

/**
 * Opens a log with the driver's own refusals in words.
 * @throws AppError `usage_invalid` for a URL that is none · what `open` throws
 */
export async function openPlace<T>(place: LogPlace, open: (place: LogPlace) => Promise<T>): Promise<T> {
  try {
    return await open(place);
  } catch (error) {
    if (!('mongodbUrl' in place) || error instanceof AppError) throw error;
    const { name, message } = error as Error;
    if (!/^Mongo(Parse|InvalidArgument|API|Runtime|MissingDependency)Error$|^TypeError$/.test(name)) throw error;
    // The driver repeats what it could not read, a password included.
    const why = message.includes('://') || place.mongodbUrl.includes('@') ? '' : `: ${message}`;
    throw new AppError('usage_invalid', `the MongoDB URL cannot be read${why}`, { cause: error });
  }
}

/** The drivers are loaded when a log is asked for: most commands need none. */
async function openLogSource(options: ReadOptions, context: CliContext): Promise<LogSource> {
  if (options.file !== undefined) return openFile(options, options.file, context);
  const place = placeOf(options, context);
  const { openLogForReading } = await import('../../events/open-log.ts');
  const opened = await openPlace(place, (at) => openLogForReading(at, { logger: silentLogger }));
  if ('mongodbUrl' in place) {
    const { createSnapshotCollection } = await import('../../projections/read-models/snapshot-collection.ts');
    return { ...opened, snapshots: readOnly(createSnapshotCollection(opened.db!)), anchor: null };
  }
  const { createSnapshotFiles, snapshotFolder } = await import('../../projections/snapshots/snapshot-files.ts');
  const dir = dirname(place.sqlitePath);
  const anchor = await readAnchor(dir);
  return { ...opened, snapshots: readOnly(createSnapshotFiles(join(dir, snapshotFolder))), anchor };
}

async function openFile({ mongodb, sqlite, data }: LogOptions, path: string, context: CliContext): Promise<LogSource> {
  if ((mongodb ?? sqlite ?? data) !== undefined)
    throw new AppError('usage_invalid', '--file names a log of its own: give one');
  const { openExportedLog } = await import('../../history/archive/archive-log.ts');
  const { value: opened } = await withProgress(context.progressBar('checking'), (onProgress) =>
    openExportedLog(path, { signal: context.signal, onProgress }),
  );
  return { ...opened, check: async () => [], db: null, snapshots: null, anchor: null };
}

/** What does not fit this program may well fit the manager that wrote it: it stays. */
const readOnly = (snapshots: SnapshotStore): LogSource['snapshots'] => ({
  newest: (notAfterSlot) => snapshots.newest(notAfterSlot),
  discard: async () => {},
});
