/** How service events change the view: its spec, and what keeps its slots from being filled. */

import type { LogEvent } from '../../events/schema/event.ts';
import { modeOf, policyOf } from '../../model/policy.ts';
import { type ClusterView, convergedKept, type ServiceView } from './cluster-view.ts';
import { countNodes } from './global-slots.ts';
import { causeOf, type Handlers, illegal } from './handlers.ts';
import { expectImage } from './images.ts';
import { parseIsoTime } from './iso-time.ts';
import { endRuns, requestRun } from './job-runs.ts';
import { lacksNode, replicasWanted } from './replicas-wanted.ts';
import { dropSurplusSlot, setDelay } from './slots.ts';
import type { Touched } from './touched.ts';

export const serviceHandlers = {
  ServiceRequested(view, event, touched) {
    const { data } = event;
    const service = view.services.get(data.service) ?? (data.changed ? createService(view, event) : undefined);
    if (!service) illegal(event, 'it changes nothing of a service that is unknown');
    if (!data.changed) {
      service.version = event.version;
      return;
    }
    const { policy, removing, spec } = service;
    const isNewSpec = service.specHash !== data.specHash;
    if (isNewSpec) replaceSpec(view, service, event);
    if (isNewSpec || service.images.size === 0) expectImage(view, service, event);
    service.policy = policyOf(data);
    service.isRollback = data.rollbackTo !== undefined;
    service.removing = false;
    if (modeOf(data) === 'global') openGlobal(view, service);
    requestRun(view, service, event, { policy, removing, restarts: spec.restarts ?? 0 });
    changeSpec(view, service, event, data.replicas, touched);
    if (isNewSpec) forgetFailures(view, service);
    noteSettled(view, service);
  },

  ServiceScaled(view, event, touched) {
    const service = findService(view, event);
    changeSpec(view, service, event, event.data.replicas, touched);
    noteSettled(view, service);
  },

  ServiceRemovalRequested(view, event, touched) {
    const service = findService(view, event);
    service.removing = true;
    if (service.job) endRuns(service.job, event, 'replaced');
    view.jobs.delete(service.name);
    changeSpec(view, service, event, 0, touched);
  },

  ServiceRemoved(view, event, touched) {
    const service = findService(view, event);
    if (service.live > 0) illegal(event, `${service.live} of its containers have not ended`);
    for (const slot of service.slots.values()) setDelay(view, service, slot, null);
    view.services.delete(service.name);
    view.blocked.delete(service.name);
    view.rolling.delete(service.name);
    view.jobs.delete(service.name);
    view.global.delete(service.name);
    touched.services.delete(service.name);
    view.removedServices.set(service.name, { version: event.version, generation: service.generation });
  },

  PlacementBlocked(view, event) {
    const service = findService(view, event);
    const { missing, filtered } = event.data;
    service.version = event.version;
    service.position = event.position;
    setBlocked(view, service, missing > 0 ? { missing, filtered, since: service.blocked?.since ?? event.at } : null);
  },

  RestartDelayed(view, event) {
    const service = findService(view, event);
    const slot = service.slots.get(event.data.slot);
    if (!slot) illegal(event, `slot ${event.data.slot} never had a container`);
    service.version = event.version;
    service.position = event.position;
    setDelay(view, service, slot, parseIsoTime(event.data.until));
  },
} satisfies Partial<Handlers>;

type ServiceFact =
  | 'ServiceRequested'
  | 'ServiceScaled'
  | 'ServiceRemovalRequested'
  | 'ServiceRemoved'
  | 'PlacementBlocked'
  | 'RestartDelayed';

function findService(view: ClusterView, event: LogEvent<ServiceFact>): ServiceView {
  return view.services.get(event.data.service) ?? illegal(event, 'the service is unknown');
}

function createService(view: ClusterView, event: LogEvent<'ServiceRequested'>): ServiceView {
  const { service: name, generation, container, specHash } = event.data;
  const service: ServiceView = {
    name,
    replicas: 0,
    generation,
    spec: container,
    specHash,
    policy: policyOf(event.data),
    images: new Map(),
    isRollback: false,
    rollout: null,
    previous: null,
    settled: null,
    converged: new Map(),
    job: null,
    nodeOfSlot: null,
    unstable: null,
    proving: new Map(),
    balancing: null,
    removing: false,
    createdAt: event.at,
    updatedAt: event.at,
    specEvent: causeOf(event),
    version: event.version,
    slots: new Map(),
    blocked: null,
    perNode: new Map(),
    live: 0,
    running: 0,
    runningCurrent: 0,
    position: event.position,
  };
  view.services.set(name, service);
  view.removedServices.delete(name);
  return service;
}

function openGlobal(view: ClusterView, service: ServiceView): void {
  service.nodeOfSlot ??= new Map();
  view.global.add(service.name);
}

/** What is replaced is what converged last: a spec that never did is nothing to go back to. */
function replaceSpec(view: ClusterView, service: ServiceView, { data }: LogEvent<'ServiceRequested'>): void {
  const { settled } = service;
  service.previous = settled && settled.specHash !== data.specHash ? settled : null;
  service.spec = data.container;
  service.specHash = data.specHash;
  service.rollout = null;
  service.proving.clear();
  if (!service.unstable) view.rolling.delete(service.name);
}

/** Every slot has one container, of the present spec, that runs, and is healthy where it has a check. */
export function noteSettled(view: ClusterView, service: ServiceView): void {
  const { generation, spec, specHash, policy, rollout, settled } = service;
  if (settled?.generation === generation || service.removing || service.job) return;
  if (rollout && rollout.state !== 'completed') return;
  if (lacksNode(service)) return;
  const wanted = replicasWanted(service);
  if (service.live !== wanted || service.runningCurrent !== wanted) return;
  for (const slot of service.slots.values()) {
    for (const id of slot.containers) {
      const { isChecked, health } = view.containers.get(id)!;
      if (isChecked && health !== 'healthy') return;
    }
  }
  service.settled = { generation, spec, specHash, policy };
  noteConverged(service, generation, view.at);
}

export function noteConverged({ converged }: ServiceView, generation: number, at: string): void {
  converged.set(generation, at);
  const [oldest] = converged.keys();
  if (converged.size > convergedKept && oldest !== undefined) converged.delete(oldest);
}

/** What the planner found out about the old spec does not hold for the new one. */
function changeSpec(
  view: ClusterView,
  service: ServiceView,
  event: LogEvent<'ServiceRequested' | 'ServiceScaled' | 'ServiceRemovalRequested'>,
  replicas: number,
  touched: Touched,
): void {
  service.replicas = replicas;
  if (service.nodeOfSlot) countNodes(view, service);
  service.generation = event.data.generation;
  service.updatedAt = event.at;
  service.specEvent = causeOf(event);
  service.version = event.version;
  service.position = event.position;
  setBlocked(view, service, null);
  for (const slot of service.slots.values()) dropSurplusSlot(view, service, slot);
  touched.services.add(service.name);
}

/** Whatever failed before, failed with another spec. */
function forgetFailures(view: ClusterView, service: ServiceView): void {
  service.runningCurrent = 0;
  for (const slot of service.slots.values()) {
    slot.failures = 0;
    slot.failedSpec = null;
    slot.failedAtMs = [];
    slot.lastFailure = null;
    setDelay(view, service, slot, null);
    for (const id of slot.containers) {
      const container = view.containers.get(id);
      if (container?.state === 'running' && container.specHash === service.specHash) service.runningCurrent += 1;
    }
  }
}

export function setBlocked(view: ClusterView, service: ServiceView, blocked: ServiceView['blocked']): void {
  if (blocked === service.blocked) return;
  service.blocked = blocked;
  if (blocked) view.blocked.add(service.name);
  else view.blocked.delete(service.name);
}
