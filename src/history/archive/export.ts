/**
 * Exports a log as the text of a file: in one pass, a page of commits in memory at a time, each line looked at as an import
 * will look at it. Changes nothing and knows no file.
 */

import { AppError } from '../../errors.ts';
import { type EventLog, emptyHead, type LogHead } from '../../events/log/event-log.ts';
import { canonicalJson } from '../../events/schema/canonical-json.ts';
import type { Commit } from '../../events/schema/event.ts';
import { createTransferCheck, hashOf, type TransferCheck } from './archive-check.ts';
import { type EndLine, formatVersion, type ManifestLine, toLines } from './archive-lines.ts';

export type ExportDeps = { log: Pick<EventLog, 'readCommits' | 'readCommitAt' | 'readCommitBefore' | 'head'> };

export type Bound = { position: number } | { time: string };

export type ExportOptions = {
  /** The commit that holds a position, or the first that is not earlier than a time. Default: the first. */
  from?: Bound | undefined;
  /** The commit that holds a position, or the last that is not later than a time. Default: the head. */
  to?: Bound | undefined;
  /** Name and version of who writes. */
  program: string;
  onProgress?: TransferProgress | undefined;
  signal?: AbortSignal | undefined;
};

/** `end`: the last position of the range. `events`: handled in this call. */
export type TransferProgress = (progress: { position: number; end: number; events: number }) => void;

/** An export under way: what is still to be written, and what has been. */
export type Export = { text: AsyncIterable<string>; check: TransferCheck };

/** Some megabytes in memory at most: a commit has at most 1 MB. */
const pageCommits = 100;

/**
 * All lines of an export, as pieces of text.
 * @throws AppError `export_empty` · `moment_in_future` · `moment_before_log`; the text: `log_corrupt` · the signal's reason
 */
export async function startExport(deps: ExportDeps, options: ExportOptions): Promise<Export> {
  const check = createTransferCheck();
  const manifest = canonicalJson(await planExport(deps, options));
  check.take(manifest);
  async function* text() {
    yield `${manifest}\n`;
    yield* exportRest(deps, { check, manifest }, options);
  }
  return { check, text: text() };
}

/** What follows the last commit that the check has taken. @param begun.manifest the text of the first line */
export async function* exportRest(
  { log }: ExportDeps,
  { check, manifest }: { check: TransferCheck; manifest: string },
  { onProgress, signal }: ExportOptions,
): AsyncGenerator<string> {
  const { cluster, through } = check.manifest()!;
  const before = check.totals().events;
  while (check.head().slot < through.slot) {
    signal?.throwIfAborted();
    const { slot } = check.head();
    const limit = Math.min(pageCommits, through.slot - slot);
    const commits = await log.readCommits({ afterSlot: slot, limit });
    if (commits.length === 0) throw new AppError('log_hole', `the log ends at slot ${slot}, before its head`);
    const lines = commits.flatMap((commit) => toLines(commit, cluster.id));
    for (const line of lines) takeWritten(check, line);
    yield `${lines.join('\n')}\n`;
    onProgress?.({ position: check.head().position, end: through.position, events: check.totals().events - before });
  }
  if (check.hasEnded()) return;
  const end: EndLine = { line: 'end', totals: check.totals(), head: check.head(), manifestHash: hashOf(manifest) };
  const text = canonicalJson(end);
  check.take(text);
  yield `${text}\n`;
}

/** What an import would refuse is not written: the log itself is damaged. */
function takeWritten(check: TransferCheck, line: string): void {
  try {
    check.take(line);
  } catch (cause) {
    const why = cause instanceof AppError ? String(cause.details.rule) : String(cause);
    const message = `the log is damaged after position ${check.head().position}: ${why}`;
    throw new AppError('log_corrupt', message, { cause, details: { position: check.head().position } });
  }
}

async function planExport({ log }: ExportDeps, { from, to, program }: ExportOptions): Promise<ManifestLine> {
  const head = await log.head();
  const [created] = await log.readCommits({ afterSlot: 0, limit: 1 });
  const first = created?.events?.[0];
  if (!created || first?.type !== 'ClusterCreated') {
    throw new AppError('export_empty', 'the log holds no cluster: there is nothing to export');
  }
  const { clusterId, name } = first.data as { clusterId: string; name: string };
  const firstSlot = from ? await firstSlotOf(log, from, head) : 1;
  const last = to ? await lastCommitOf(log, to, head) : null;
  const [before] = firstSlot > 1 ? await log.readCommits({ afterSlot: firstSlot - 2, limit: 1 }) : [];
  const after = before ? headOf(before) : emptyHead;
  const through = last ? headOf(last) : head;
  if (through.slot <= after.slot) throw new AppError('export_empty', 'the range holds no commit');
  return { line: 'manifest', formatVersion, program, cluster: { id: clusterId, name }, after, through };
}

async function firstSlotOf(log: ExportDeps['log'], from: Bound, head: LogHead): Promise<number> {
  if ('position' in from) return (await lastCommitOf(log, from, head)).slot;
  const justBefore = new Date(Date.parse(from.time) - 1).toISOString();
  return ((await log.readCommitBefore(justBefore))?.slot ?? 0) + 1;
}

async function lastCommitOf(log: ExportDeps['log'], to: Bound, head: LogHead): Promise<Commit> {
  const commit = 'position' in to ? await log.readCommitAt(to.position) : await log.readCommitBefore(to.time);
  if (commit) return commit;
  if ('position' in to && to.position > head.position) {
    const details = { position: head.position, at: head.at };
    throw new AppError('moment_in_future', `the log ends at position ${head.position}, ${head.at}`, { details });
  }
  throw new AppError('moment_before_log', 'position' in to ? 'positions begin at 1' : 'the log begins later');
}

const headOf = ({ slot, first, count, at, hash }: Commit): LogHead => ({ slot, position: first + count - 1, at, hash });
