/** Plans the alarm about nodes that fail to start what others start; containers are placed there last. Pure. */

import { alarmNames } from '../../model/alarm.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';
import { alarmSteps, clearAlarm, raiseAlarm, subjectsOf } from './alarms.ts';
import type { Step } from './step.ts';

const alarm = alarmNames.nodeSuspect;

/** @param touched nodes about which something changed */
export function planSuspects(view: ClusterView, touched: ReadonlySet<string>): Step[] {
  const raised = [...touched].flatMap((subject) => {
    const suspect = view.nodes.get(subject)?.suspect;
    if (!suspect) return [];
    const message = `${subject} failed to start several containers in a row, the last: ${suspect.message}; it is used last until it starts one`;
    return alarmSteps(raiseAlarm(view, { alarm, subject, message: message.slice(0, messageCharactersMax) }));
  });
  const over = subjectsOf(view, alarm).filter((subject) => !view.nodes.get(subject)?.suspect);
  return [...raised, ...over.flatMap((subject) => alarmSteps(clearAlarm(view, { alarm, subject })))];
}

const messageCharactersMax = 1_024;
