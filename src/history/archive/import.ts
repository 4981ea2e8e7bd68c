/**
 * Imports an exported log into a store: each commit as it was, at its own slot, once it was checked. What is there
 * already is compared and skipped, so an import that was interrupted goes on where it stopped. It never writes a commit
 * of its own.
 */

import { setTimeout as pause } from 'node:timers/promises';
import { AppError, hasCode } from '../../errors.ts';
import type { CommitStore, PreparedCommit } from '../../events/log/commit-store.ts';
import type { LogHead } from '../../events/log/event-log.ts';
import { canonicalJson } from '../../events/schema/canonical-json.ts';
import type { NewEvent } from '../../events/schema/event.ts';
import { toLogEvents } from '../../events/schema/upcast.ts';
import { assertEvent } from '../../events/schema/validate-event.ts';
import { type CheckedCommit, createTransferCheck } from './archive-check.ts';
import { readLines } from './archive-file.ts';
import type { ManifestLine, Totals } from './archive-lines.ts';
import type { TransferProgress } from './export.ts';

export type ImportOptions = {
  /** The file, unpacked. */
  bytes: AsyncIterable<Buffer>;
  onProgress?: TransferProgress | undefined;
  signal?: AbortSignal | undefined;
};

export type ImportResult = {
  manifest: ManifestLine;
  /** What the file holds. */
  totals: Totals;
  head: LogHead;
  /** How much of it was there already. */
  foundCommits: number;
};

/** A store that is away for longer is given up; the next try goes on. */
const triesMax = 10;
const retryMinMs = 100;
const retryMaxMs = 5_000;

/**
 * Nothing of a bad line or after it is written; the commits before it stay.
 * @param store empty, or with commits that are all in the file, or with those that come before it
 * @throws AppError `transfer_line_invalid` (details.line, .rule) · `file_unreadable` · `import_gap` · `import_diverges` ·
 *   `log_unavailable` · `log_locked` · the signal's reason
 */
export async function importLog(
  { store }: { store: Pick<CommitStore, 'head' | 'insert' | 'readSlot'> },
  { bytes, onProgress, signal }: ImportOptions,
): Promise<ImportResult> {
  const found = await store.head();
  const check = createTransferCheck();
  let foundCommits = 0;
  let events = 0;

  const takeCommit = async (checked: CheckedCommit) => {
    assertReadable(checked);
    const { slot, hash, count } = checked.commit;
    if (slot > found.slot) {
      await insert(store, checked, signal);
      events += count;
      return;
    }
    // Equal hashes mean equal histories, so the first slot exposes another log early and the last one proves the others.
    if (foundCommits === 0 || slot === found.slot) await assertSame(store, slot, hash);
    foundCommits += 1;
  };

  for await (const lines of readLines(bytes)) {
    signal?.throwIfAborted();
    for (const { text } of lines) {
      const isFirst = check.manifest() === null;
      const checked = check.take(text);
      if (isFirst) assertFits(check.manifest()!, found);
      if (checked) await takeCommit(checked);
    }
    onProgress?.({ position: check.head().position, end: check.manifest()!.through.position, events });
  }
  check.end();
  return { manifest: check.manifest()!, totals: check.totals(), head: check.head(), foundCommits };
}

/** Is the log empty, a beginning of the file, or what comes before it? */
function assertFits({ after, through }: ManifestLine, found: LogHead): void {
  if (found.slot < after.slot) {
    const message = `the file goes on after slot ${after.slot}, the log ends at slot ${found.slot}: import what is between first`;
    throw new AppError('import_gap', message);
  }
  if (found.slot === after.slot && canonicalJson(found) !== canonicalJson(after)) throw diverges(found.slot);
  if (found.slot > through.slot) {
    const message = `the log goes on to slot ${found.slot}, the file ends at slot ${through.slot}: there is nothing to import`;
    throw new AppError('import_diverges', message);
  }
}

async function assertSame(store: Pick<CommitStore, 'readSlot'>, slot: number, hash: string): Promise<void> {
  const there = await store.readSlot(slot);
  if (!there) throw new AppError('log_unavailable', `slot ${slot} is not decided yet`, { retryable: true });
  if (there.hash !== hash) throw diverges(slot);
}

const diverges = (slot: number) =>
  new AppError('import_diverges', `the log is not a beginning of the file: slot ${slot} holds another commit`);

/** What this program could not fold must not get in, whatever made the file. */
function assertReadable({ commit, line }: CheckedCommit): void {
  let event = line;
  try {
    for (const readable of toLogEvents(commit)) {
      event = line + 1 + readable.position - commit.first;
      assertEvent(readable as unknown as NewEvent);
    }
  } catch (cause) {
    if (!(cause instanceof AppError)) throw cause;
    const position = cause.details.position as number | undefined;
    const at = position === undefined ? event : line + 1 + position - commit.first;
    const details = { line: at, rule: cause.message };
    throw new AppError('transfer_line_invalid', `line ${at}: ${cause.message}`, { cause, details });
  }
}

/** An unknown outcome is settled by sending the same commit again. */
async function insert(
  store: Pick<CommitStore, 'insert' | 'readSlot'>,
  { commit, eventTexts }: PreparedCommit,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let tries = 1, delayMs = retryMinMs; ; tries += 1, delayMs = Math.min(delayMs * 2, retryMaxMs)) {
    try {
      if ((await store.insert({ commit, eventTexts })) === 'taken') await assertSame(store, commit.slot, commit.hash);
      return;
    } catch (error) {
      if (!hasCode(error, 'log_unavailable') || tries === triesMax) throw error;
      await pause(delayMs, undefined, signal ? { signal } : {});
    }
  }
}
