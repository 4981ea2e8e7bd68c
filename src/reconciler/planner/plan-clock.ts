/** Plans the alarm about a manager whose wall clock is behind the log: it would date every decision wrongly. Pure. */

import { alarmNames } from '../../model/alarm.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';
import { parseIsoTime } from '../../projections/view/iso-time.ts';
import { alarmSteps, clearAlarm, raiseAlarm } from './alarms.ts';
import type { Step } from './step.ts';

const alarm = alarmNames.clockBehind;
/** Clocks that are synchronised differ by milliseconds. */
const behindMaxMs = 5_000;

/** @param wallClockMs of this manager, whatever the log says */
export function planClock(view: ClusterView, wallClockMs: number): Step[] {
  const behindMs = parseIsoTime(view.at) - wallClockMs;
  if (behindMs <= behindMaxMs) return alarmSteps(clearAlarm(view, { alarm }));
  const message = `this manager's clock is ${Math.round(behindMs / 1000)} s behind the log's last commit; if this clock is right, start one manager with --accept-clock now`;
  return alarmSteps(raiseAlarm(view, { alarm, message }));
}
