/** The chain of commits: each has the hash of the one before in its own. Whether one follows from another, and where a log that is opened breaks. */

import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../../clock.ts';
import { AppError, hasCode } from '../../errors.ts';
import { canonicalJson } from '../schema/canonical-json.ts';
import type { Commit } from '../schema/event.ts';
import { hashBody, hashCommit } from '../schema/hash.ts';
import type { CommitStore } from './commit-store.ts';
import { emptyHead, type LogHead } from './event-log.ts';

/** What the next commit has to follow from. `last`: position of the last event. */
export type ChainLink = { slot: number; last: number; at: string; hash: string };

export const firstLink: ChainLink = { slot: 0, last: 0, at: emptyHead.at, hash: emptyHead.hash };

export const linkOf = ({ slot, first, count, at, hash }: Commit): ChainLink => {
  return { slot, last: first + count - 1, at, hash };
};

/** What is wrong with a commit after the one before it; null when nothing is. Pure. */
export function whyBroken(commit: Commit, previous: ChainLink): string | null {
  const { slot, first, count, at, appends, events, bodyHash, hash } = commit;
  if (slot !== previous.slot + 1) return `slot ${previous.slot + 1} is missing before it`;
  if (first !== previous.last + 1) return `it begins at position ${first}, the one before ends at ${previous.last}`;
  const isCorrection = events?.some(({ type }) => type === 'ClockCorrected') ?? false;
  if (at < previous.at && !isCorrection) return `its time ${at} is before that of the slot before it, ${previous.at}`;
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

/** What to do about a log that is not as it was written. */
export const mendingHint =
  './coctl verify says what is whole; restore a backup, or import an exported log into an empty place';

/** A snapshot of the view is taken at least as often: what comes after it is folded, so it is checked. */
const tailEvents = 50_000;
/** The rest is checked while the log is in use. */
const tailDeadlineMs = 5_000;
const pageCommits = 200;

/** A commit of another writer may be seen a little later than the one after it. */
const againAfterMs = 500;

/**
 * Checks the end of a log when it is opened, from the last commit backwards: a crash, or a hand, damages the end first.
 * @throws AppError `log_corrupt` (details.slot)
 */
export async function assertTail(store: Pick<CommitStore, 'readRange'>, head: LogHead): Promise<void> {
  try {
    await checkTail(store, head);
  } catch (error) {
    if (!hasCode(error, 'log_corrupt')) throw error;
    await pause(againAfterMs);
    await checkTail(store, head);
  }
}

async function checkTail(store: Pick<CommitStore, 'readRange'>, head: LogHead): Promise<void> {
  const deadlineMs = systemClock.monotonicMs() + tailDeadlineMs;
  let next: Commit | null = null;
  for (let toSlot = head.slot; toSlot > 0; ) {
    const commits = await store.readRange({ afterSlot: 0, toSlot, limit: pageCommits, direction: 'backward' });
    for (const commit of commits) {
      if (next) assertFollows(next, linkOf(commit));
      next = commit;
    }
    const isEnough = head.position - (next?.first ?? 0) > tailEvents || systemClock.monotonicMs() > deadlineMs;
    if (!next || isEnough) return;
    if (commits.length === 0) return assertFollows(next, firstLink);
    toSlot = next.slot - 1;
  }
  if (next) assertFollows(next, firstLink);
}

function assertFollows(commit: Commit, previous: ChainLink): void {
  const why = whyBroken(commit, previous);
  if (why === null) return;
  const { slot, first: position } = commit;
  const where = `the log is not as it was written: slot ${slot}, from position ${position}: ${why}`;
  throw new AppError('log_corrupt', `${where}; ${mendingHint}`, { details: { slot, position } });
}
