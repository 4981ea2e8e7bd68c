/**
 * The file of an export: under its own name it is always whole; until then it is `FILE.partial`, which outlives a
 * crash and can be gone on with.
 */

import { createWriteStream, existsSync } from 'node:fs';
import { open, rename, truncate } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { AppError } from '../../errors.ts';
import type { LogHead } from '../../events/log/event-log.ts';
import { createTransferCheck, type TransferCheck } from './archive-check.ts';
import { isPacked, readBytes, readLines } from './archive-file.ts';
import type { ManifestLine, Totals } from './archive-lines.ts';
import { type Export, type ExportDeps, type ExportOptions, exportRest, startExport } from './export.ts';

export type ExportResult = {
  manifest: ManifestLine;
  totals: Totals;
  head: LogHead;
  /** The last slot of what was there already; null when it was begun again. */
  resumedAfterSlot: number | null;
};

/**
 * @param options.isResumed go on with what an interrupted export has left; its own range stays
 * @throws what `startExport` throws · AppError `file_exists` · `nothing_to_resume` · `other_log` ·
 *   `transfer_line_invalid`
 */
export async function exportToFile(
  deps: ExportDeps,
  path: string,
  { isResumed = false, ...options }: ExportOptions & { isResumed?: boolean },
): Promise<ExportResult> {
  if (existsSync(path)) throw new AppError('file_exists', `${path} is there already`);
  const partial = partialOf(path);
  const resumed = isResumed ? await resume(deps, partial, options) : null;
  const resumedAfterSlot = resumed?.check.head().slot ?? null;
  const { check, text } = resumed ?? (await startExport(deps, options));
  await write(partial, text, { isAppended: resumed !== null, signal: options.signal });
  await rename(partial, path);
  return { manifest: check.manifest()!, totals: check.totals(), head: check.head(), resumedAfterSlot };
}

/** Packed or not stays visible in the name. */
export const partialOf = (path: string): string =>
  isPacked(path) ? path.replace(/\.gz$/, '.partial.gz') : `${path}.partial`;

/** Drops what is not whole, and goes on behind the last whole commit; null when there is not even a first line. */
async function resume(deps: ExportDeps, partial: string, options: ExportOptions): Promise<Export | null> {
  if (!existsSync(partial)) throw new AppError('nothing_to_resume', `there is no ${partial} to go on with`);
  const check = createTransferCheck();
  const whole = readWhole(partial, check);
  if (isPacked(partial)) {
    // The end of a packed file cannot be cut off at a line: what is whole is packed again.
    const kept = partial.replace(/\.gz$/, '.kept.gz');
    await write(kept, whole.text, { isAppended: false, signal: options.signal });
    await rename(kept, partial);
  } else {
    for await (const _ of whole.text);
    await truncate(partial, whole.end());
  }
  const manifest = whole.manifest();
  if (manifest === null) return null;
  await assertSameLog(deps, check.head(), partial);
  return { check, text: exportRest(deps, { check, manifest }, options) };
}

/** The lines of a partial file up to its last whole commit. */
function readWhole(path: string, check: TransferCheck) {
  let manifest: string | null = null;
  let end = 0;
  async function* text() {
    let waiting = '';
    for await (const lines of readLines(readBytes(path), { isCut: true })) {
      let whole = '';
      for (const line of lines) {
        check.take(line.text);
        manifest ??= line.text;
        waiting += `${line.text}\n`;
        if (!check.isBetweenCommits()) continue;
        whole += waiting;
        waiting = '';
        end = line.end;
      }
      if (whole !== '') yield whole;
    }
    check.dropOpen();
  }
  return { text: text(), manifest: () => manifest, end: () => end };
}

async function assertSameLog({ log }: ExportDeps, { slot, hash }: LogHead, partial: string): Promise<void> {
  if (slot === 0) return;
  const [commit] = await log.readCommits({ afterSlot: slot - 1, limit: 1 });
  if (commit?.hash !== hash) throw new AppError('other_log', `${partial} is of another log: its slot ${slot} differs`);
}

/** Resolves once it is on the disk. Another part of a packed file is a gzip member of its own, as its format allows. */
async function write(
  path: string,
  text: AsyncIterable<string>,
  { isAppended, signal }: { isAppended: boolean; signal: AbortSignal | undefined },
): Promise<void> {
  const bytes = Readable.from(text, { objectMode: false });
  const file = createWriteStream(path, { flags: isAppended ? 'a' : 'w' });
  const options = signal ? { signal } : {};
  const writing = isPacked(path) ? pipeline(bytes, createGzip(), file, options) : pipeline(bytes, file, options);
  await writing.catch((error: unknown) => {
    signal?.throwIfAborted();
    throw error;
  });
  const handle = await open(path, 'r+');
  await handle.sync().finally(() => handle.close());
}
