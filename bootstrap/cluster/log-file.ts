/**
 * Owns the log that `up` keeps in its data folder, a line of JSON each, and what a terminal is shown of it: warnings
 * and errors, a plain line each.
 */

import { openSync } from 'node:fs';
import { rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';

export const logFiles = { current: 'log.ndjson', last: 'log.1.ndjson' } as const;

export type LogFile = {
  path: string;
  /** @param line an entry as pino writes it */
  write(line: string): void;
};

/** Two files of it are kept: enough for weeks of the default level, little enough for anybody's disk. */
const bytesMax = 10 * 1024 * 1024;
/** As numbers in an entry; what is below is for the file alone. */
const levels = { warning: 40, error: 50 } as const;
const wordsMax = 400;

/**
 * Goes on where the last `up` ended; one over the bound is put aside first.
 * @param show takes the lines for people
 */
export async function openLogFile(dir: string, show: (line: string) => void): Promise<LogFile> {
  const path = join(dir, logFiles.current);
  const bytes = await stat(path).then(
    ({ size }) => size,
    () => 0,
  );
  if (bytes > bytesMax) await rename(path, join(dir, logFiles.last));
  const file = pino.destination({ fd: openSync(path, 'a'), sync: false });
  // A full disk is the log of events' trouble; this one goes without its lines.
  file.on('error', (error: Error) => show(`warning: ${path} cannot be written: ${error.message}`));
  return {
    path,
    write(line) {
      file.write(line.endsWith('\n') ? line : `${line}\n`);
      const words = describeEntry(line);
      if (words !== null) show(words);
    },
  };
}

/** null: it is no entry, or below a warning. Pure. */
export function describeEntry(line: string): string | null {
  const { level, time: _time, part, msg, err, ...fields } = parseEntry(line);
  if (level < levels.warning) return null;
  const kind = level < levels.error ? 'warning' : 'error';
  const about = Object.entries(fields).map(([name, value]) => `${name} ${asText(value)}`);
  const words = [kind, part, about.length === 0 ? msg : `${msg} (${about.join(', ')})`, err?.message];
  const text = words.filter((word) => word !== undefined).join(': ');
  // What an engine or a broker says may hold anything; a terminal obeys some of it.
  return text.replace(/\p{Cc}+/gu, ' ').slice(0, wordsMax);
}

type Entry = { level: number; msg?: string; part?: string; err?: { message?: string } } & Record<string, unknown>;

function parseEntry(line: string): Entry {
  try {
    return { level: 0, ...JSON.parse(line) };
  } catch {
    return { level: 0 };
  }
}

const asText = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
