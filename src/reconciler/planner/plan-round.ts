/** What one plan is made with: settings, and what its services share. */

import type { RebalancePolicy } from '../../model/placement.ts';
import type { NodeView } from '../../projections/view/cluster-view.ts';
import type { Reservations } from './reservations.ts';

export type PlanSettings = {
  /** How long a container may be `in queue` before the agent takes it. */
  queueTimeoutMs: number;
  /** Rescheduling is paused for so long at most; null or left out: until enough nodes are heard. */
  holdMs?: number | null;
  /** Of services that say nothing; null or left out: none is moved. */
  rebalance?: RebalancePolicy | null;
  /** No run begins by its schedule, as in what-if. Default false. */
  ignoresSchedules?: boolean;
};

/** What the services of one plan share. */
export type PlanRound = PlanSettings & {
  nowMs: number;
  reservations: Reservations;
  /** Nothing is placed on it. */
  isSilent: (node: NodeView) => boolean;
};
