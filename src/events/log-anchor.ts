/**
 * The last commit that was seen, in a file beside the embedded log: the log alone cannot show that its end was cut off. A witness and
 * no second truth: nothing is read from it but whether the log still has that commit.
 */

import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { mendingHint } from './log/chain.ts';
import type { EventLog } from './log/event-log.ts';
import type { Commit } from './schema/event.ts';

export type LogAnchor = { slot: number; position: number; hash: string };

export const anchorFile = 'log-head.json';

/** null: there is none, or it cannot be read, which says nothing about the log. */
export async function readAnchor(dir: string): Promise<LogAnchor | null> {
  const text = await readFile(join(dir, anchorFile), 'utf8').catch(() => null);
  try {
    const { slot, position, hash } = JSON.parse(text ?? 'null') as LogAnchor;
    return Number.isSafeInteger(slot) && typeof hash === 'string' ? { slot, position, hash } : null;
  } catch {
    return null;
  }
}

/** @throws AppError `log_cut`: the log lacks the commit that was seen last, with what to do */
export async function assertAnchor(
  log: Pick<EventLog, 'readCommits' | 'head' | 'description'>,
  dir: string,
): Promise<void> {
  const anchor = await readAnchor(dir);
  if (anchor === null) return;
  const [commit] = await log.readCommits({ afterSlot: anchor.slot - 1, limit: 1 });
  if (commit?.slot === anchor.slot && commit.hash === anchor.hash) return;
  const head = await log.head();
  const seen = `slot ${anchor.slot} (position ${anchor.position}, hash ${anchor.hash}) was in it`;
  const now = commit?.slot === anchor.slot ? 'another commit is there now' : `it ends at slot ${head.slot}`;
  const accept = `to go on with the log as it is, remove ${join(dir, anchorFile)}`;
  throw new AppError(
    'log_cut',
    `the log at ${log.description} was cut off or replaced: ${seen}, and ${now}; ${mendingHint}; ${accept}`,
  );
}

const writeEveryMs = 1_000;

export type AnchorWriter = {
  note(commit: Pick<Commit, 'slot' | 'first' | 'count' | 'hash'>): void;
  /** Writes the last one. */
  close(): Promise<void>;
};

/** Once a second, beside the appends: an end that is cut by less than that is not noticed. */
export function createAnchorWriter(dir: string, { logger }: { logger: Logger }): AnchorWriter {
  let last: LogAnchor | null = null;
  let written: LogAnchor | null = null;
  let writing: Promise<void> = Promise.resolve();

  const write = async () => {
    if (last === null || last === written) return;
    const anchor = last;
    const path = join(dir, anchorFile);
    try {
      await writeFile(`${path}.new`, `${JSON.stringify(anchor)}\n`, { mode: 0o600 });
      await rename(`${path}.new`, path);
      written = anchor;
    } catch (error) {
      logger.debug({ err: error }, 'the last commit could not be noted beside the log');
    }
  };
  const timer = setInterval(() => {
    writing = writing.then(write);
  }, writeEveryMs).unref();

  return {
    note({ slot, first, count, hash }) {
      last = { slot, position: first + count - 1, hash };
    },
    async close() {
      clearInterval(timer);
      await writing;
      await write();
    },
  };
}
