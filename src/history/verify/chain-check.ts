/**
 * Checks that a log is what was written: slots and positions without holes, events as their hash says, each
 * commit's hash over the one before. Reads the log and changes nothing.
 */

import { firstLink, linkOf, whyBroken } from '../../events/log/chain.ts';
import type { EventLog } from '../../events/log/event-log.ts';
import type { Commit } from '../../events/schema/event.ts';

/** The first commit that is not as it was written. */
export type BrokenSlot = { slot: number; position: number; why: string };

export type ChainReport = {
  commits: number;
  events: number;
  /** Commits whose events were pruned: their hashes are checked, their events are gone. */
  pruned: number;
  /** The hash of the last commit checked: kept elsewhere, it proves later that nothing before it was changed. */
  headHash: string;
  /** false: the commit whose hash was expected is not in the log: its end was cut off, or it is another log. */
  isExpectedFound: boolean;
  broken: BrokenSlot | null;
};

export type ChainCheck = {
  /** The next commit. After the first that is broken the rest is counted, not checked. */
  take(commit: Commit): void;
  report(): ChainReport;
};

/** @param expectedHash of a commit that has to be there, kept elsewhere since it was the last */
export function createChainCheck(expectedHash: string | null = null): ChainCheck {
  let isExpectedFound = expectedHash === null;
  let previous = firstLink;
  let broken: BrokenSlot | null = null;
  let commits = 0;
  let events = 0;
  let pruned = 0;
  return {
    take(commit) {
      commits += 1;
      events += commit.count;
      if (commit.events === null) pruned += 1;
      if (commit.hash === expectedHash) isExpectedFound = true;
      if (broken) return;
      const why = whyBroken(commit, previous);
      if (why !== null) broken = { slot: commit.slot, position: commit.first, why };
      previous = linkOf(commit);
    },
    report: () => ({ commits, events, pruned, headHash: previous.hash, isExpectedFound, broken }),
  };
}

const page = 500;

/**
 * Checks a whole log, or its beginning.
 * @param options.toSlot the last slot checked. Default: where the log ends
 * @throws AppError `log_unavailable` · the signal's reason. A commit that cannot even be read is reported, not thrown
 */
export async function verifyChain(
  log: Pick<EventLog, 'readCommits'>,
  options: { toSlot?: number; onProgress?: (checked: ChainReport) => void; signal?: AbortSignal } = {},
): Promise<ChainReport> {
  const { toSlot = Number.MAX_SAFE_INTEGER, onProgress, signal } = options;
  const check = createChainCheck();
  for (let slot = 0; slot < toSlot; ) {
    signal?.throwIfAborted();
    const commits = await log.readCommits({ afterSlot: slot, limit: Math.min(page, toSlot - slot) });
    for (const commit of commits) check.take(commit);
    const last = commits.at(-1);
    if (!last) break;
    slot = last.slot;
    onProgress?.(check.report());
  }
  return check.report();
}
