/** Owns how the events that concern the cluster as a whole change the view: its name, its leader, its alarms. */

import type { ClusterView } from './cluster-view.ts';
import { type Handlers, ignored, illegal } from './handlers.ts';
import { lookAtBlocked } from './services.ts';

export const alarmKey = (alarm: string, subject: string): string => `${alarm} ${subject}`;

export const clusterHandlers = {
  ClusterCreated(view, event) {
    if (view.cluster) illegal(event, `the cluster is ${view.cluster.name} already`);
    view.cluster = { id: event.data.clusterId, name: event.data.name, createdAt: event.at };
  },

  ControllerElected(view, event) {
    const { term, controllerId } = event.data;
    if (term <= view.controller.term) illegal(event, `term ${term} after term ${view.controller.term}`);
    view.controller = { term, controllerId, resigned: false, version: event.version };
  },

  ControllerResigned(view, event) {
    if (event.data.term === view.controller.term) view.controller.resigned = true;
    view.controller.version = event.version;
  },

  AlarmRaised(view, event) {
    const { alarm, subject, message } = event.data;
    const key = alarmKey(alarm, subject);
    view.alarms.set(key, { alarm, subject, message, since: view.alarms.get(key)?.since ?? event.at });
  },

  AlarmCleared(view, event) {
    view.alarms.delete(alarmKey(event.data.alarm, event.data.subject));
    lookAtAll(view);
  },

  HoldReleased: lookAtAll,

  RequestRefused: ignored,
  HistoryPruned: ignored,
  ApiReadsRecorded: ignored,
} satisfies Partial<Handlers>;

/** What was held back while an alarm stood is news again. */
function lookAtAll(view: ClusterView): void {
  for (const id of view.nodes.keys()) view.dirty.nodes.add(id);
  lookAtBlocked(view);
}
