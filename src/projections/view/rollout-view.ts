/** The shape of a rollout as folded from the log. */

import type { RolloutPauseReason } from '../../events/schema/rollout-facts.ts';
import type { RolloutState } from '../../model/status-charts.ts';
import type { Cause } from './cause.ts';

export type RolloutView = {
  state: RolloutState;
  from: number;
  to: number;
  /** Why it is paused; null unless it is. */
  pause: RolloutPauseReason | null;
  /** Why it does not go on, in a sentence; null while it does. */
  reason: string | null;
  /** Failed or unhealthy containers of its spec since it started or was resumed. */
  failures: number;
  /** The last of them. */
  lastFailure: { container: string; cause: Cause; message: string } | null;
  /** Its latest fact. */
  latest: Cause;
  /** It does not wait for its canaries any more. */
  isPromoted: boolean;
  /** When it started, was resumed, or a container of its spec last began to run or became healthy. */
  progressAtMs: number;
};
