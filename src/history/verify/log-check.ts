/**
 * Checks a whole log in one pass: its chain, its fold, and every set of rows that was derived from it,
 * each at its own position. Reads and changes nothing, so it runs beside a writer.
 */

import { AppError } from '../../errors.ts';
import type { EventLog } from '../../events/log/event-log.ts';
import type { Commit } from '../../events/schema/event.ts';
import type { Logger } from '../../logger.ts';
import { emptyClusterView } from '../../projections/view/cluster-view.ts';
import { replay } from '../replay/replay.ts';
import { type BrokenSlot, type ChainReport, createChainCheck } from './chain-check.ts';
import { createRowsCheck, type FoundRows, type RowsReport } from './row-check.ts';

export type LogReport = {
  position: number;
  at: string;
  chain: ChainReport;
  /** Why the log cannot be folded, and where; null when it can. */
  unfoldable: { position: number; why: string } | null;
  compared: RowsReport[];
};

export type VerifyDeps = {
  log: Pick<EventLog, 'readCommits' | 'readCommitAt' | 'readCommitBefore' | 'head'>;
  logger: Logger;
};

export type VerifyOptions = {
  found?: readonly FoundRows[];
  /** Hash of a commit that has to be in the log. */
  expectedHash?: string | null;
  onProgress?: (progress: { position: number; end: number; events: number }) => void;
  signal?: AbortSignal;
};

/** Nothing wrong with the log, and nothing derived from it that differs. */
export const isSound = ({ chain, unfoldable, compared }: LogReport): boolean =>
  chain.broken === null &&
  chain.isExpectedFound &&
  unfoldable === null &&
  compared.every(({ difference }) => difference === null);

/** @throws AppError `log_unavailable` · the signal's reason; what is wrong with the log is reported, not thrown */
export async function verifyLog({ log, logger }: VerifyDeps, options: VerifyOptions = {}): Promise<LogReport> {
  const { found = [], expectedHash = null, onProgress, signal } = options;
  const chain = createChainCheck(expectedHash);
  const checks = found.map(createRowsCheck);
  const watched = watchCommits(log, chain.take);
  let view = emptyClusterView();
  let unfoldable: LogReport['unfoldable'] = null;
  let unreadable: BrokenSlot | null = null;
  try {
    await replay(
      { log: watched.log, logger },
      {
        to: 'head',
        onCommit(_commit, _events, folded) {
          view = folded;
          for (const check of checks) check.onFolded(folded);
        },
        ...(onProgress ? { onProgress } : {}),
        ...(signal ? { signal } : {}),
      },
    );
  } catch (error) {
    const { position } = view;
    if (signal?.aborted || !(error instanceof AppError) || error.retryable) throw error;
    unreadable = brokenSlotOf(error, position);
    if (!unreadable) unfoldable = { position: positionOf(error) ?? position + 1, why: error.message };
    // Where the fold ends the chain goes on.
    if (unfoldable) await watched.readOn(signal);
  }
  const { position, at } = view;
  const report = chain.report();
  const compared = unfoldable || unreadable ? [] : checks.map((check) => check.report(view));
  return { position, at, chain: { ...report, broken: report.broken ?? unreadable }, unfoldable, compared };
}

/** The same log; each commit is shown once, in the order of reading. */
function watchCommits<L extends Pick<EventLog, 'readCommits'>>(log: L, take: (commit: Commit) => void) {
  let slot = 0;
  let reading: Promise<unknown> = Promise.resolve();
  const readCommits: EventLog['readCommits'] = (range) => {
    const answer = log.readCommits(range).then((commits) => {
      for (const commit of commits) take(commit);
      slot = commits.at(-1)?.slot ?? slot;
      return commits;
    });
    reading = answer.catch(() => {});
    return answer;
  };
  return {
    log: { ...log, readCommits },
    async readOn(signal?: AbortSignal): Promise<void> {
      // The fold may have ended while the page after it was on its way.
      await reading;
      while ((await readCommits({ afterSlot: slot })).length > 0) signal?.throwIfAborted();
    },
  };
}

/** A commit that cannot even be parsed, or that is not there. */
function brokenSlotOf({ code, message, details }: AppError, position: number): BrokenSlot | null {
  if (code !== 'log_corrupt' && code !== 'log_hole') return null;
  const slot = typeof details.slot === 'number' ? details.slot : 0;
  return { slot, position: position + 1, why: message };
}

const positionOf = ({ details }: AppError) => (typeof details.position === 'number' ? details.position : null);
