/**
 * Checks that a log is what was written: slots and positions without holes, events as their hash says, each
 * commit's hash over the one before. Reads the log and changes nothing.
 */

import { type EventLog, emptyHead } from '../../events/log/event-log.ts';
import { canonicalJson } from '../../events/schema/canonical-json.ts';
import type { Commit } from '../../events/schema/event.ts';
import { hashBody, hashCommit } from '../../events/schema/hash.ts';

/** The first commit that is not as it was written. */
export type BrokenSlot = { slot: number; position: number; why: string };

export type ChainReport = {
  commits: number;
  events: number;
  /** Commits whose events were pruned: their hashes are checked, their events are gone. */
  pruned: number;
  /** The hash of the last commit checked: kept elsewhere, it proves later that nothing before it was changed. */
  headHash: string;
  broken: BrokenSlot | null;
};

export type ChainCheck = {
  /** The next commit. After the first that is broken the rest is counted, not checked. */
  take(commit: Commit): void;
  report(): ChainReport;
};

export function createChainCheck(): ChainCheck {
  let previous = { slot: 0, last: 0, at: emptyHead.at, hash: emptyHead.hash };
  let broken: BrokenSlot | null = null;
  let commits = 0;
  let events = 0;
  let pruned = 0;
  return {
    take(commit) {
      commits += 1;
      events += commit.count;
      if (commit.events === null) pruned += 1;
      if (broken) return;
      const why = whyBroken(commit, previous);
      if (why !== null) broken = { slot: commit.slot, position: commit.first, why };
      const { slot, first, count, at, hash } = commit;
      previous = { slot, last: first + count - 1, at, hash };
    },
    report: () => ({ commits, events, pruned, headHash: previous.hash, broken }),
  };
}

type Previous = { slot: number; last: number; at: string; hash: string };

/** What is wrong with a commit after the one before it; null when nothing is. Pure. */
function whyBroken(commit: Commit, previous: Previous): string | null {
  const { slot, first, count, at, appends, events, bodyHash, hash } = commit;
  if (slot !== previous.slot + 1) return `slot ${previous.slot + 1} is missing before it`;
  if (first !== previous.last + 1) return `it begins at position ${first}, the one before ends at ${previous.last}`;
  if (at < previous.at) return `its time ${at} is before that of the slot before it, ${previous.at}`;
  if (appends.reduce((sum, append) => sum + append.count, 0) !== count)
    return 'its appends do not add up to its events';
  if (events === null && commit.class === 'fact') return 'its facts are gone: only telemetry may be pruned';
  if (events !== null && events.length !== count) return `it holds ${events.length} events, its header says ${count}`;
  if (events !== null && hashBody(events.map(canonicalJson)) !== bodyHash) {
    return 'its events are not those that were written: bodyHash differs';
  }
  if (hashCommit(previous.hash, commit) !== hash) return 'its hash is not that of its header and the slot before it';
  return null;
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
