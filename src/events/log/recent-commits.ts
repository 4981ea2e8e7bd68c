/**
 * Keeps the last commits this process has taken in: decided ones, so they never change, and followers at the head need
 * not ask the store for what is here already. A cache, bounded, filled in slot order.
 */

import type { Commit } from '../schema/event.ts';

export type RecentCommits = {
  /** The commit after the last one added. */
  add(commit: Commit): void;
  /** All after a slot, contiguous; null when one of them is not held any more, or nothing was ever added. */
  after(slot: number): Commit[] | null;
};

/** Some seconds of a busy log: a follower further behind reads from the store, in larger pages. */
const commitsMax = 256;
const eventsMax = 4_096;

export function createRecentCommits(): RecentCommits {
  const commits: Commit[] = [];
  let events = 0;
  return {
    add(commit) {
      commits.push(commit);
      events += commit.count;
      while (commits.length > commitsMax || events > eventsMax) events -= commits.shift()?.count ?? events;
    },
    after(slot) {
      const oldest = commits[0]?.slot;
      return oldest === undefined || slot + 1 < oldest ? null : commits.slice(slot + 1 - oldest);
    },
  };
}
