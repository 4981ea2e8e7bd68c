/**
 * The log that `up` keeps in its data folder, a line of JSON each, and what a terminal shows of it: warnings and errors,
 * a plain line each.
 */

import { once } from 'node:events';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { createStream } from 'rotating-file-stream';

/** The newest first. */
const rotatedNames = ['log.1.ndjson', 'log.2.ndjson', 'log.3.ndjson', 'log.4.ndjson'] as const;

export const logFiles = { current: 'log.ndjson', rotated: rotatedNames } as const;

export type LogFile = {
  path: string;
  /** @param line an entry as pino writes it */
  write(line: string): void;
  /** Writes what is pending. */
  close(): Promise<void>;
};

/** With those that are put aside 100 MB: weeks of the default level, little enough for any disk. */
const size = '20M';
/** As numbers in an entry; what is below is for the file alone. */
const levels = { warning: 40, error: 50 } as const;
const wordsMax = 400;

/**
 * Goes on where the last `up` ended. A file over the bound is put aside, and the oldest that was is deleted.
 * @param show takes the lines for users
 */
export async function openLogFile(dir: string, show: (line: string) => void): Promise<LogFile> {
  const path = join(dir, logFiles.current);
  const nameOf = (index: number | Date | null) =>
    typeof index === 'number' ? rotatedNames[index - 1]! : logFiles.current;
  const file = createStream(nameOf, { path: dir, size, rotate: rotatedNames.length });
  // A full disk is reported by the log of events; this one goes without its lines.
  file.on('error', (error: Error) => show(`warning: ${path} cannot be written: ${error.message}`));
  await once(file, 'open');
  return {
    path,
    write(line) {
      file.write(line.endsWith('\n') ? line : `${line}\n`);
      const words = describeEntry(line);
      if (words !== null) show(words);
    },
    async close() {
      file.end();
      await finished(file).catch(() => {});
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
