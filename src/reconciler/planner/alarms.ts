/**
 * Raises and clears alarms: one place for their bound and the rule that an alarm is recorded once until it
 * is cleared. Pure.
 */

import { type Actor, type NewEvent, streams } from '../../events/schema/event.ts';
import type { AlarmName } from '../../model/alarm.ts';
import { alarmKey } from '../../projections/view/cluster.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';
import { controllerActor, type Step } from './step.ts';

/** The catalogue's bound on an alarm's message, in UTF-16 code units. */
const messageMax = 1_024;

export type AlarmEvent = NewEvent<'AlarmRaised' | 'AlarmCleared'>;
type Alarms = Pick<ClusterView, 'alarms'>;

const isAlarmActive = ({ alarms }: Alarms, alarm: AlarmName, subject = ''): boolean =>
  alarms.has(alarmKey(alarm, subject));

/** Subjects of the active alarms of a name. */
export function subjectsOf({ alarms }: Alarms, name: AlarmName): string[] {
  return [...alarms.values()].filter(({ alarm }) => alarm === name).map(({ subject }) => subject);
}

/** @returns null when it is active already */
export function raiseAlarm(
  view: Alarms,
  { alarm, subject = '', message }: { alarm: AlarmName; subject?: string; message: string },
  actor: Actor = controllerActor,
): AlarmEvent | null {
  if (isAlarmActive(view, alarm, subject)) return null;
  const data = { alarm, subject, message: message.slice(0, messageMax).toWellFormed() };
  return { stream: streams.alarms, type: 'AlarmRaised', data, meta: { actor, causationId: null } };
}

/** @returns null when it is not active */
export function clearAlarm(
  view: Alarms,
  { alarm, subject = '' }: { alarm: AlarmName; subject?: string },
  actor: Actor = controllerActor,
): AlarmEvent | null {
  if (!isAlarmActive(view, alarm, subject)) return null;
  return { stream: streams.alarms, type: 'AlarmCleared', data: { alarm, subject }, meta: { actor, causationId: null } };
}

/** The steps of an alarm; none when there is nothing to record. */
export const alarmSteps = (
  event: AlarmEvent | null,
  subject: Step['subject'] = { kind: 'cluster', name: '' },
): Step[] => (event ? [{ subject, event, expect: [] }] : []);
