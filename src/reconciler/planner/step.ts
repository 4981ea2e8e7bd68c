/** What the planner returns: an event to append, the versions it was decided from, and its description. */

import type { Expectation } from '../../events/log/event-log.ts';
import type { EventType } from '../../events/schema/catalog.ts';
import { type NewEvent, streams } from '../../events/schema/event.ts';
import type { Cause } from '../../projections/view/cause.ts';
import type { ContainerView } from '../../projections/view/cluster-view.ts';

/** The events a plan may ask for. */
export type PlannedType = Extract<
  EventType,
  | 'ContainerQueued'
  | 'ContainerStopRequested'
  | 'ContainerFailed'
  | 'PlacementBlocked'
  | 'RestartDelayed'
  | 'ServiceRemoved'
  | 'ServiceRequested'
  | 'ServiceUnstable'
  | 'ServiceStable'
  | 'RolloutStarted'
  | 'RolloutPaused'
  | 'RolloutCompleted'
  | 'RolloutFailed'
  | 'JobDue'
  | 'JobSkipped'
  | 'JobCompleted'
  | 'JobFailed'
  | 'NodeLost'
  | 'AlarmRaised'
  | 'AlarmCleared'
  | 'HoldReleased'
  | 'NodeSilent'
  | 'RebalanceRequested'
  | 'ServiceBalanced'
  | 'NodeHeard'
>;

export type Step = {
  /** What the step is about; the steps of one subject are appended together, so they hold together. */
  subject: { kind: 'service' | 'node' | 'container' | 'cluster'; name: string };
  event: NewEvent<PlannedType>;
  expect: readonly Expectation[];
};

type Describe = { [T in PlannedType]: (data: Extract<Step['event'], { type: T }>['data']) => string };

const sentences: Describe = {
  ContainerQueued: (c) => `run ${c.container} on ${c.node}${c.replaces ? ` in place of ${c.replaces}` : ''}`,
  ContainerStopRequested: (c) => `stop ${c.container} on ${c.node}: ${c.reason}`,
  ContainerFailed: (c) => `give up ${c.container} on ${c.node}: ${c.reason}`,
  PlacementBlocked: (s) =>
    s.missing > 0
      ? `${s.service} lacks a node for ${s.missing} of its containers`
      : `${s.service} lacks no node any more`,
  RestartDelayed: (s) => `let ${s.service}.${s.slot} wait until ${s.until} after ${s.failures} failures`,
  ServiceRemoved: (s) => `${s.service} is gone`,
  ServiceRequested: (s) => `request generation ${s.generation} of ${s.service}`,
  ServiceUnstable: (s) => `${s.service}.${s.slot} failed ${s.failures} times: ${s.reason}`,
  ServiceStable: (s) => `${s.service} is stable again`,
  RolloutStarted: (r) => `roll ${r.service} out from generation ${r.from} to ${r.to}`,
  RolloutPaused: (r) => `pause the rollout of ${r.service}: ${r.reason}`,
  RolloutCompleted: (r) => `the rollout of ${r.service} to generation ${r.to} is complete`,
  RolloutFailed: (r) => `give the rollout of ${r.service} up: ${r.reason}`,
  NodeLost: (n) => `${n.node} is lost: ${n.reason ?? `silent for ${n.silentMs} ms`}`,
  NodeSilent: (n) => `${n.node} is silent for ${n.silentMs} ms`,
  NodeHeard: (n) => `${n.node} is heard again`,
  JobDue: (j) => `begin run ${j.run} of ${j.service}`,
  JobSkipped: (j) => `skip ${j.ticks} ticks of ${j.service} up to ${j.dueAt}: ${j.why}`,
  JobCompleted: (j) => `run ${j.run} of ${j.service} is complete`,
  JobFailed: (j) => `run ${j.run} of ${j.service} has failed: ${j.reason}`,
  RebalanceRequested: (m) =>
    `move ${m.service}.${m.slot} from ${m.node}, which has ${m.replicasFrom} of it, to ${m.to}, which has ${m.replicasTo}`,
  ServiceBalanced: (b) => `${b.service} is balanced after ${b.moves} moves`,
  AlarmRaised: (a) => `alarm ${a.alarm}: ${a.message}`,
  AlarmCleared: (a) => `alarm ${a.alarm} is over`,
  HoldReleased: (h) => `rescheduling goes on: ${h.reason}`,
};

/** One line for logs and for what-if. Pure. */
export function describeStep(step: Step): string {
  const describe = sentences[step.event.type] as (data: unknown) => string;
  return describe(step.event.data);
}

/** The controller's own verdict on a container; everything else about its end comes from its agent. */
export function failContainer(
  container: ContainerView,
  reason: 'queue timeout' | 'node lost',
  message: string,
  cause: { causationId: string | null; causationIndex?: number },
): NewEvent<'ContainerFailed'> {
  const { id, service, slot, node } = container;
  return {
    stream: streams.container(id),
    type: 'ContainerFailed',
    data: { container: id, service, slot, node, reason, message, exitCode: null, logTail: [] },
    meta: { actor: controllerActor, correlationId: container.latest.correlationId, ...cause },
  };
}

export const controllerActor = 'controller';

export function metaOf(cause: Cause): NewEvent['meta'] {
  return { actor: controllerActor, causationId: cause.eventId, correlationId: cause.correlationId };
}
