/** Owns following: range reads by slot, contiguous or nothing. Doorbells make it quick, a slow poll makes it sure. */

import { hasCode } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { CommitStore } from './commit-store.ts';
import type { Commit } from './event.ts';
import type { EventLog, FollowOptions } from './event-log.ts';

type FollowDeps = {
  store: Pick<CommitStore, 'readRange' | 'onDoorbell'>;
  logger: Logger;
  /** Rings when this process has taken in a commit. */
  onBell(bell: () => void): () => void;
};

const page = 500;
/** A doorbell may stay silent: this is the longest a commit stays unseen. */
const pollMs = 1_000;
const troubleMinMs = 100;
const troubleMaxMs = 2_000;

export function createFollow({ store, logger, onBell }: FollowDeps): EventLog['follow'] {
  return async function* follow({ afterSlot, signal, onTrouble }: FollowOptions): AsyncGenerator<Commit[]> {
    const bell = createBell(signal);
    const unsubscribes = [onBell(bell.ring), store.onDoorbell(bell.ring)];
    let slot = afterSlot;
    let troubleMs = 0;
    try {
      while (!signal.aborted) {
        bell.reset();
        try {
          const commits = await store.readRange({ afterSlot: slot, limit: page });
          const hole = commits.findIndex((commit, index) => commit.slot !== slot + 1 + index);
          const contiguous = hole < 0 ? commits : commits.slice(0, hole);
          if (hole >= 0) {
            const message = `slot ${slot + 1 + hole} is missing before slot ${commits[hole]?.slot}`;
            onTrouble?.({ code: 'log_hole', message });
            troubleMs = Math.max(troubleMs, troubleMinMs);
          } else if (troubleMs > 0) {
            onTrouble?.(null);
            troubleMs = 0;
          }
          const last = contiguous.at(-1);
          if (last && !signal.aborted) {
            slot = last.slot;
            yield contiguous;
            if (hole < 0) continue;
          }
          await bell.wait(troubleMs > 0 ? troubleMaxMs : pollMs);
        } catch (error) {
          if (!hasCode(error, 'log_unavailable')) throw error;
          if (troubleMs === 0) {
            onTrouble?.({ code: 'log_unavailable', message: error instanceof Error ? error.message : String(error) });
            logger.debug({ err: error }, 'the log cannot be read');
          }
          troubleMs = Math.min(Math.max(troubleMs * 2, troubleMinMs), troubleMaxMs);
          await bell.wait(troubleMs);
        }
      }
    } finally {
      for (const unsubscribe of unsubscribes) unsubscribe();
      bell.close();
    }
  };
}

/** Remembers a ring that came before anybody waited. */
function createBell(signal: AbortSignal) {
  let hasRung = false;
  let wake: (() => void) | null = null;
  const ring = () => {
    hasRung = true;
    wake?.();
  };
  signal.addEventListener('abort', ring);
  return {
    ring,
    reset() {
      hasRung = false;
    },
    wait: (delayMs: number) =>
      new Promise<void>((resolve) => {
        if (hasRung || signal.aborted) return resolve();
        const timer = setTimeout(done, delayMs);
        wake = done;
        function done() {
          clearTimeout(timer);
          wake = null;
          resolve();
        }
      }),
    close: () => signal.removeEventListener('abort', ring),
  };
}
