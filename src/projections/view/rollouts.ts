/** How the facts about a service's versions change the view, and what its containers' facts say about it. */

import type { LogEvent } from '../../events/schema/event.ts';
import { updatePolicyDefault } from '../../model/policy.ts';
import type { ClusterView, ContainerView, ServiceView } from './cluster-view.ts';
import { causeOf, type Handlers, illegal } from './handlers.ts';
import { parseIsoTime } from './iso-time.ts';
import type { RolloutView } from './rollout-view.ts';
import { noteSettled } from './services.ts';
import type { Touched } from './touched.ts';

export const rolloutHandlers = {
  RolloutStarted(view, event, touched) {
    const service = noteFact(view, event, touched);
    const { from, to } = event.data;
    service.rollout = {
      ...{ state: 'in progress', from, to, pause: null, reason: null, failures: 0, lastFailure: null },
      ...{ isPromoted: false, progressAtMs: parseIsoTime(event.at), latest: causeOf(event) },
    };
    proveRunning(view, service, event.at);
    keepRolling(view, service);
  },

  RolloutPaused(view, event, touched) {
    const service = noteFact(view, event, touched);
    Object.assign(findRollout(service, event), { state: 'paused', pause: event.data.why, reason: event.data.reason });
    keepRolling(view, service);
  },

  RolloutResumed(view, event, touched) {
    const service = noteFact(view, event, touched);
    const rollout = findRollout(service, event);
    Object.assign(rollout, { state: 'in progress', pause: null, reason: null, failures: 0, lastFailure: null });
    rollout.isPromoted ||= event.data.isPromoted;
    rollout.progressAtMs = parseIsoTime(event.at);
    keepRolling(view, service);
  },

  RolloutCompleted(view, event, touched) {
    const service = noteFact(view, event, touched);
    Object.assign(findRollout(service, event), { state: 'completed', pause: null, reason: null });
    service.previous = null;
    noteSettled(view, service);
    keepRolling(view, service);
  },

  ServiceUnstable(view, event, touched) {
    const { slot, failures, withinMs, reason } = event.data;
    const service = noteFact(view, event, touched);
    service.unstable = { slot, failures, withinMs, reason };
    keepRolling(view, service);
  },

  ServiceStable(view, event, touched) {
    const service = noteFact(view, event, touched);
    service.unstable = null;
    keepRolling(view, service);
  },

  RolloutFailed(view, event, touched) {
    const service = noteFact(view, event, touched);
    Object.assign(findRollout(service, event), { state: 'failed', pause: null, reason: event.data.reason });
    keepRolling(view, service);
  },
} satisfies Partial<Handlers>;

type ReleaseFact = 'ServiceUnstable' | 'ServiceStable' | RolloutFact;
type RolloutFact = 'RolloutStarted' | 'RolloutPaused' | 'RolloutResumed' | 'RolloutCompleted' | 'RolloutFailed';

function noteFact(view: ClusterView, event: LogEvent<ReleaseFact>, touched: Touched): ServiceView {
  const service = view.services.get(event.data.service) ?? illegal(event, 'the service is unknown');
  service.version = event.version;
  service.position = event.position;
  touched.services.add(service.name);
  return service;
}

function findRollout({ rollout, name }: ServiceView, event: LogEvent<RolloutFact>): RolloutView {
  if (!rollout) illegal(event, `no rollout of ${name} has started`);
  rollout.latest = causeOf(event);
  return rollout;
}

/** A container runs or has become healthy: the rollout goes on once it serves. */
export function noteProgress(view: ClusterView, container: ContainerView, event: LogEvent): void {
  const service = view.services.get(container.service)!;
  noteSettled(view, service);
  if (isOfRollout(service, container)) service.rollout!.progressAtMs = parseIsoTime(event.at);
  const isAwaited = service.rollout !== null || service.slots.get(container.slot)!.containers.size > 1;
  if (container.isChecked || !isAwaited) return;
  const { minHealthySeconds } = service.policy.update ?? updatePolicyDefault;
  service.proving.set(container.id, parseIsoTime(event.at) + minHealthySeconds * 1000);
  keepRolling(view, service);
}

/** Old containers that do not serve yet: what serves may have to wait for them. */
function proveRunning(view: ClusterView, service: ServiceView, at: string): void {
  const nowMs = parseIsoTime(at);
  const { minHealthySeconds } = service.policy.update ?? updatePolicyDefault;
  for (const { containers } of service.slots.values()) {
    for (const id of containers) {
      const { state, isChecked, runningAt } = view.containers.get(id)!;
      if (state !== 'running' || isChecked) continue;
      const dueMs = parseIsoTime(runningAt!) + minHealthySeconds * 1000;
      if (dueMs > nowMs) service.proving.set(id, dueMs);
    }
  }
}

/** @param message why, in words */
export function noteRolloutFailure(service: ServiceView, container: ContainerView, message: string): void {
  if (!isOfRollout(service, container)) return;
  const rollout = service.rollout!;
  rollout.failures += 1;
  rollout.lastFailure = { container: container.id, cause: container.latest, message };
}

const isOfRollout = ({ rollout, specHash }: ServiceView, container: ContainerView): boolean =>
  rollout?.state === 'in progress' && container.specHash === specHash;

/** Keeps the index of services that are evaluated by time. */
export function keepRolling(view: ClusterView, service: ServiceView): void {
  const { rollout, proving, unstable, balancing } = service;
  if (rollout?.state === 'in progress' || proving.size > 0 || unstable || balancing) view.rolling.add(service.name);
  else view.rolling.delete(service.name);
}

/** Takes out what has run long enough at `view.at`. */
export function expireProving(view: ClusterView, touched: Touched): void {
  if (view.rolling.size === 0) return;
  const nowMs = parseIsoTime(view.at);
  for (const name of view.rolling) {
    const service = view.services.get(name)!;
    if (service.proving.size === 0) continue;
    for (const [id, dueMs] of service.proving) {
      if (dueMs > nowMs) continue;
      service.proving.delete(id);
      touched.services.add(name);
    }
    keepRolling(view, service);
  }
}

/**
 * Does it serve: healthy, or without a check and running for `minHealthySeconds`? Pure.
 * @param nowMs log time
 */
export function servesAt(service: ServiceView, container: ContainerView, nowMs: number): boolean {
  if (container.state !== 'running' || container.health === 'unhealthy') return false;
  if (container.isChecked) return container.health === 'healthy';
  const { minHealthySeconds } = service.policy.update ?? updatePolicyDefault;
  return parseIsoTime(container.runningAt!) + minHealthySeconds * 1000 <= nowMs;
}
