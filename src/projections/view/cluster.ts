/** How the events that concern the cluster as a whole change the view: its name, its leader, its alarms. */

import { alarmNames } from '../../model/alarm.ts';
import { nodeTimeoutMsDefault } from '../../model/node.ts';
import type { ClusterView } from './cluster-view.ts';
import { type Handlers, ignored, illegal } from './handlers.ts';
import { parseIsoTime } from './iso-time.ts';
import { type Touched, touchBlocked } from './touched.ts';

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
    if (alarm === alarmNames.massNodeLoss) view.disruption = 'partial';
    view.alarms.set(key, { alarm, subject, message, since: view.alarms.get(key)?.since ?? event.at });
  },

  AlarmCleared(view, event, touched) {
    view.alarms.delete(alarmKey(event.data.alarm, event.data.subject));
    if (event.data.alarm === alarmNames.massNodeLoss) view.disruption = 'none';
    touchNodes(view, touched);
  },

  /** An engine that is still silent may be about to answer like the others, as a silent node may. */
  HoldReleased(view, event, touched) {
    const graceMs = parseIsoTime(event.at) + nodeTimeoutMsDefault;
    for (const id of view.unreachable) {
      const { engineLost } = view.nodes.get(id)!;
      if (engineLost) engineLost.deadlineMs = Math.max(engineLost.deadlineMs, graceMs);
    }
    touchNodes(view, touched);
  },

  ExecStarted: ignored,
  ExecEnded: ignored,
  RequestRefused: ignored,
  HistoryPruned: ignored,
  ApiReadsRecorded: ignored,
} satisfies Partial<Handlers>;

/** What the planner left alone while an alarm was active is evaluated again. */
function touchNodes(view: ClusterView, touched: Touched): void {
  for (const id of view.nodes.keys()) touched.nodes.add(id);
  touchBlocked(view, touched);
}
