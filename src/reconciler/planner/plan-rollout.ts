/**
 * Decides how a rollout goes on: when it starts, pauses, is rolled back, or is complete. Pure. Which containers are
 * replaced by it is decided in slot-buckets.ts.
 */

import type { EventType } from '../../events/schema/catalog.ts';
import { type NewEvent, streams } from '../../events/schema/event.ts';
import type { RolloutPauseReason } from '../../events/schema/rollout-facts.ts';
import { amountOf, type ServicePolicy, updatePolicyDefault } from '../../model/policy.ts';
import type { Cause } from '../../projections/view/cause.ts';
import type { ClusterView, ContainerView, ServiceView } from '../../projections/view/cluster-view.ts';
import type { RolloutView } from '../../projections/view/rollout-view.ts';
import { servesAt } from '../../projections/view/rollouts.ts';
import { isSurplusSlot } from '../../projections/view/slots.ts';
import { stabilityDeadlineMs } from './plan-stability.ts';
import { expectService } from './service-steps.ts';
import { metaOf, type PlannedType, type Step } from './step.ts';

export type RolloutPlan = {
  steps: Step[];
  /** Slots it has not reached keep the spec they have. */
  isHeld: boolean;
};

const goesOn: RolloutPlan = { steps: [], isHeld: false };

export function planRollout(view: ClusterView, service: ServiceView, nowMs: number): RolloutPlan {
  const { rollout } = service;
  if (service.removing) return goesOn;
  if (rollout === null) {
    const replaced = outdatedOf(view, service);
    return replaced.length === 0 ? goesOn : { steps: [startRollout(service, replaced)], isHeld: true };
  }
  if (rollout.state === 'completed') return goesOn;
  if (rollout.state !== 'in progress') return { steps: [], isHeld: true };
  const { maxFailures, progressDeadlineSeconds, canary, onFailure } = service.policy.update ?? updatePolicyDefault;
  if (onFailure !== 'continue' && rollout.failures > amountOf(maxFailures, service.replicas)) {
    return { steps: giveUp(service, rollout, 'failures', describeFailures(rollout)), isHeld: true };
  }
  const { serving, isComplete } = measure(view, service, nowMs);
  if (isComplete) return { steps: [step(service, 'RolloutCompleted', refOf(service, rollout))], isHeld: false };
  if (progressDeadlineSeconds > 0 && nowMs >= rollout.progressAtMs + progressDeadlineSeconds * 1000) {
    if (onFailure === 'continue') return goesOn;
    const reason = `no container of generation ${rollout.to} began to serve for ${progressDeadlineSeconds} s`;
    return { steps: giveUp(service, rollout, 'no progress', reason), isHeld: true };
  }
  if (canary > 0 && !rollout.isPromoted && !service.isRollback && serving >= canary) {
    const reason = `${serving} of ${service.replicas} replicas serve generation ${rollout.to} as canaries: promote it or roll it back`;
    return { steps: [pause(service, rollout, 'canary', reason)], isHeld: true };
  }
  return goesOn;
}

/** When the planner has to look at the service again though nothing happened, in any order; also times that have passed. Pure. */
export function rolloutDeadlines(service: ServiceView): number[] {
  const { rollout, policy, proving } = service;
  const deadlines = [...proving.values()];
  const stableMs = stabilityDeadlineMs(service);
  if (stableMs !== null) deadlines.push(stableMs);
  if (rollout?.state === 'in progress') {
    const { progressDeadlineSeconds, onFailure, delaySeconds } = policy.update ?? updatePolicyDefault;
    if (progressDeadlineSeconds > 0 && onFailure !== 'continue') {
      deadlines.push(rollout.progressAtMs + progressDeadlineSeconds * 1000);
    }
    if (delaySeconds > 0) deadlines.push(delayEndMs(policy, rollout));
  }
  return deadlines;
}

/** When the next replica may be replaced after the last new one began to serve. */
export function delayEndMs({ update = updatePolicyDefault }: ServicePolicy, { progressAtMs }: RolloutView): number {
  if (update.delaySeconds === 0) return 0;
  return progressAtMs + (update.minHealthySeconds + update.delaySeconds) * 1000;
}

/** Of another spec, and not on its way out. */
function outdatedOf(view: ClusterView, service: ServiceView): ContainerView[] {
  if (service.live === 0) return [];
  const outdated: ContainerView[] = [];
  for (const slot of service.slots.values()) {
    if (isSurplusSlot(view, service, slot.slot)) continue;
    for (const id of slot.containers) {
      const container = view.containers.get(id)!;
      if (container.specHash !== service.specHash && container.state !== 'stopping') outdated.push(container);
    }
  }
  return outdated;
}

/** Complete: every slot has a container of the present spec that serves or is done, and none of another. */
function measure(view: ClusterView, service: ServiceView, nowMs: number): { serving: number; isComplete: boolean } {
  let serving = 0;
  let outdated = 0;
  let expected = service.nodeOfSlot ? 0 : service.replicas;
  for (const { slot, containers, done, failedSpec } of service.slots.values()) {
    if (isSurplusSlot(view, service, slot)) continue;
    // A node that came meanwhile, and one that has no room, are not of the rollout.
    if (service.nodeOfSlot && (containers.size > 0 || done !== null || failedSpec !== null)) expected += 1;
    const present = [...containers].map((id) => view.containers.get(id)!);
    const current = present.filter(({ specHash }) => specHash === service.specHash);
    outdated += present.length - current.length;
    if (done === service.specHash || current.some((container) => servesAt(service, container, nowMs))) serving += 1;
  }
  return { serving, isComplete: outdated === 0 && serving >= expected };
}

function startRollout(service: ServiceView, replaced: readonly ContainerView[]): Step {
  const latest = replaced.reduce((a, b) => (b.generation > a.generation ? b : a));
  const data = {
    ...{ service: service.name, from: latest.generation, to: service.generation },
    ...{ fromSpecHash: latest.specHash, specHash: service.specHash },
  };
  return step(service, 'RolloutStarted', data);
}

function giveUp(service: ServiceView, rollout: RolloutView, why: RolloutPauseReason, reason: string): Step[] {
  const { update = updatePolicyDefault } = service.policy;
  const { settled, previous } = service;
  if (update.onFailure !== 'rollback' || service.isRollback || !settled || !previous) {
    return [pause(service, rollout, why, reason)];
  }
  const words = `${reason}; rolled back to generation ${settled.generation}`;
  const failed = { ...refOf(service, rollout), ...failureOf(rollout, words) };
  const request = {
    ...{
      service: service.name,
      generation: service.generation + 1,
      changed: true,
      replicas: service.nodeOfSlot ? 0 : service.replicas,
    },
    ...{ container: settled.spec, specHash: settled.specHash, ...settled.policy, rollbackTo: settled.generation },
  };
  const cause = causeOf(service, rollout);
  return [step(service, 'RolloutFailed', failed, cause), step(service, 'ServiceRequested', request, cause)];
}

const pause = (service: ServiceView, rollout: RolloutView, why: RolloutPauseReason, reason: string): Step => {
  const data = { ...refOf(service, rollout), why, ...failureOf(rollout, reason) };
  return step(service, 'RolloutPaused', data, causeOf(service, rollout));
};

const refOf = ({ name: service }: ServiceView, { from, to }: RolloutView) => ({ service, from, to });

const failureOf = ({ failures, lastFailure }: RolloutView, reason: string) => ({
  reason: reason.slice(0, reasonCharactersMax),
  container: lastFailure?.container ?? null,
  failures,
});

const reasonCharactersMax = 2048;

function describeFailures({ failures, lastFailure, to }: RolloutView): string {
  const times = failures === 1 ? 'a container' : `${failures} containers`;
  return `${times} of generation ${to} failed, the last ${lastFailure?.container}: ${lastFailure?.message}`;
}

const causeOf = (service: ServiceView, rollout: RolloutView): Cause => rollout.lastFailure?.cause ?? service.specEvent;

type RolloutStepType = Extract<PlannedType, `Rollout${string}` | 'ServiceRequested'> & EventType;

function step<T extends RolloutStepType>(
  service: ServiceView,
  type: T,
  data: Extract<NewEvent<PlannedType>, { type: T }>['data'],
  cause: Cause = service.specEvent,
): Step {
  const event = { stream: streams.service(service.name), type, data, meta: metaOf(cause) } as Step['event'];
  return { subject: { kind: 'service', name: service.name }, event, expect: [expectService(service)] };
}
