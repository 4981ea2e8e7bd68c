/** The plan of a change, as a manager answers it: what the page shows of it. The simulation behind it runs there, not here. Pure. */

import { formatCount } from '../../history/sentences/format-values.ts';
import type { Tone } from '../../projections/rows/state-marks.ts';

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

/** `type`: of the event that it would be. */
export type PlanStep = { afterMs: number; what: string; why: string; type: string };

export type Plan = {
  verdict: { sentence: string };
  timeline: readonly PlanStep[];
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

const tonesOfSteps: readonly (readonly [types: RegExp, tone: Tone])[] = [
  [/Failed|Lost|Killed|Blocked|Paused|AlarmRaised/, 'bad'],
  [/Running|Completed|AlarmCleared|Balanced/, 'good'],
  [/Stop|Removed/, 'idle'],
];

/** A step leads away from what is wanted, back to it, or is on the way. */
export const toneOfStep = ({ type }: PlanStep): Tone => tonesOfSteps.find(([types]) => types.test(type))?.[1] ?? 'work';
