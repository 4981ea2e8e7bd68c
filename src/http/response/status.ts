/** Owns what a manager knows of its own condition, as GET /state, /readyz and /metrics show it. */

import type { BusStatus } from '../../bus/bus.ts';

export type ControlPlaneStatus = {
  managerId: string;
  cluster: { id: string; name: string };
  /** `trouble`: why the log cannot be read or written just now, in words; null while all is well. */
  log: { description: string; trouble: string | null };
  bus: BusStatus;
  /** null while nobody leads. */
  leader: { term: number; controllerId: string; isSelf: boolean } | null;
  ready: boolean;
  /** What is missing, a sentence each; empty when ready. */
  notReady: string[];
};
