/** The shape of a slot as folded from the log: the place of one replica, and how its runs went. */

import type { FailureReason } from '../../model/container.ts';
import type { Cause } from './cause.ts';
import type { RestartMinutes } from './restarts.ts';

export type SlotView = {
  slot: number;
  /** Containers of the slot that are not terminal, oldest first. Usually one, two while it is being replaced. */
  containers: Set<string>;
  /** Consecutive failures of runs of one spec; 0 after a run that was stable, or a new spec. */
  failures: number;
  /** Hash of that spec; null while failures is 0. */
  failedSpec: string | null;
  /** Log times of the last failures, also of those before a run that was stable, oldest first, at most `failureTimesKept`. */
  failedAtMs: readonly number[];
  /** The last of them, in words; null while failures is 0. */
  lastFailure: { container: string; reason: FailureReason | 'completed'; message: string; at: string } | null;
  /** Runs of any spec that ended by themselves or became unhealthy. */
  restarts: RestartMinutes;
  /** The last run that ended or became unhealthy: why the next one is needed. null before the first did. */
  lastEnded: { container: string; cause: Cause; at: string } | null;
  /** Hash of the spec whose run ended for good, by the restart policy; null: none did. */
  done: string | null;
  /** Restart waits until then; null when it does not wait. */
  delayedUntilMs: number | null;
};
