/** Follows the log: range reads by slot, contiguous or nothing. Notifications make it quick, a slow poll makes it sure. */

import { createNotifier } from '../../concurrency/notifier.ts';
import { errorMessage, hasCode } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { Commit } from '../schema/event.ts';
import type { CommitStore } from './commit-store.ts';
import type { EventLog, FollowOptions } from './event-log.ts';
import type { RecentCommits } from './recent-commits.ts';

type FollowDeps = {
  store: Pick<CommitStore, 'readRange' | 'onInserted'>;
  recent: Pick<RecentCommits, 'after'>;
  logger: Logger;
  /** Called when this process has applied a commit: `recent` has it. */
  onApplied(listener: () => void): () => void;
};

const page = 500;
/** A notification may be missing: this is the longest a commit stays unseen. */
const pollMs = 1_000;
const problemMinMs = 100;
const problemMaxMs = 2_000;

export function createFollow({ store, recent, logger, onApplied }: FollowDeps): EventLog['follow'] {
  return async function* follow({ afterSlot, signal, onProblem }: FollowOptions): AsyncGenerator<Commit[]> {
    const notifier = createNotifier(signal);
    const pages = createPages({ store, recent });
    const onInserted = () => {
      pages.askStore();
      notifier.notify();
    };
    const unsubscribes = [onApplied(notifier.notify), store.onInserted(onInserted)];
    const problem = createProblem(logger, onProblem);
    let slot = afterSlot;
    try {
      while (!signal.aborted) {
        notifier.reset();
        try {
          const commits = await pages.after(slot);
          const contiguous = untilHole(commits, slot);
          const missing = commits[contiguous.length];
          if (missing) problem.report('log_hole', holeBefore(missing, contiguous.at(-1)?.slot ?? slot));
          else problem.end();
          const last = contiguous.at(-1);
          if (last && !signal.aborted) {
            slot = last.slot;
            if (!missing) pages.readAhead(slot);
            yield contiguous;
            if (!missing) continue;
          }
          if (!(await notifier.wait(missing ? problemMaxMs : pollMs))) pages.askStore();
        } catch (error) {
          if (!hasCode(error, 'log_unavailable')) throw error;
          await notifier.wait(problem.report('log_unavailable', errorMessage(error)));
        }
      }
    } finally {
      for (const unsubscribe of unsubscribes) unsubscribe();
      notifier.close();
    }
  };
}

function untilHole(commits: Commit[], slot: number): Commit[] {
  const hole = commits.findIndex((commit, index) => commit.slot !== slot + 1 + index);
  return hole < 0 ? commits : commits.slice(0, hole);
}

const holeBefore = (commit: Commit, slot: number) => `slot ${slot + 1} is missing before slot ${commit.slot}`;

/**
 * What comes after a slot: from memory, or from the store, the next page asked for while the one before is folded. At
 * the head the store is asked only when others may have written: a writer follows what it writes itself without it.
 */
function createPages({ store, recent }: Pick<FollowDeps, 'store' | 'recent'>) {
  const read = (slot: number) => store.readRange({ afterSlot: slot, limit: page });
  let ahead: Promise<Commit[]> | null = null;
  let isHeld = false;
  let mayBeInStore = true;
  return {
    askStore(): void {
      mayBeInStore = true;
    },
    async after(slot: number): Promise<Commit[]> {
      const asked = ahead;
      ahead = null;
      const early = asked ? await asked : [];
      if (early.length > 0) return early;
      const held = recent.after(slot);
      isHeld = held !== null && held.length > 0;
      if (held && (isHeld || !mayBeInStore)) return held;
      // Asked again until it has nothing more, and when there is a notification meanwhile. A page read ahead was asked for too early.
      mayBeInStore = false;
      const commits = await read(slot).catch((error: unknown) => {
        mayBeInStore = true;
        throw error;
      });
      if (commits.length > 0) mayBeInStore = true;
      return commits;
    },
    readAhead(slot: number): void {
      if (isHeld) return;
      ahead = read(slot);
      // It may fail before it is awaited, or never be awaited.
      ahead.catch(() => {});
    },
  };
}

/** Reports each change once, and how long to wait while the problem lasts. */
function createProblem(logger: Logger, onProblem: FollowOptions['onProblem']) {
  let waitMs = 0;
  return {
    report(code: 'log_unavailable' | 'log_hole', message: string): number {
      if (waitMs === 0) {
        onProblem?.({ code, message });
        logger.debug({ code, problem: message }, 'the log cannot be read');
      }
      waitMs = Math.min(Math.max(waitMs * 2, problemMinMs), problemMaxMs);
      return waitMs;
    },
    end(): void {
      if (waitMs === 0) return;
      waitMs = 0;
      onProblem?.(null);
    },
  };
}
