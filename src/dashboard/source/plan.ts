/** The plan of a change, as a manager answers it: what the page shows of it. The simulation behind it runs there, not here. Pure. */

import { formatCount } from '../../history/sentences/format-values.ts';

export type ServicePlan = {
  service: string;
  before: { running: number; image: string };
  /** null: it is removed. */
  after: { running: number; image: string; status: string } | null;
  moved: number;
  placed: number;
  stopped: number;
  isUntouched: boolean;
};

export type Plan = {
  verdict: { sentence: string };
  timeline: readonly { afterMs: number; what: string }[];
  timelineLeftOut: number;
  services: readonly ServicePlan[];
  assumptions: readonly string[];
};

export function describePlan({ service, before, after, moved, placed, stopped }: ServicePlan): string {
  if (after === null) return `${service}: removed, ${formatCount(stopped, 'container')} stopped`;
  const image = before.image === after.image ? '' : `, ${before.image} → ${after.image}`;
  const counts = `${placed} placed, ${stopped} stopped, ${moved} moved`;
  return `${service}: ${before.running} → ${after.running} running, ${after.status}${image} (${counts})`;
}
