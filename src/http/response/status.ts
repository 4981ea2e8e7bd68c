/** Describes the condition of a manager, as GET /state, /readyz and /metrics show it. */

import type { BusStatus } from '../../bus/bus.ts';

export type ControlPlaneStatus = {
  managerId: string;
  cluster: { id: string; name: string };
  /** `trouble`: why the log cannot be read or written just now, as a sentence; null while it can. */
  log: { description: string; trouble: string | null };
  bus: BusStatus;
  /** null while no manager leads. */
  leader: { term: number; controllerId: string; isSelf: boolean } | null;
  ready: boolean;
  /** What is missing, a sentence each; empty when ready. */
  notReady: string[];
};
