/** Decides requests about the releases of a service: going back to a generation, steering a rollout, restarting. Pure. */

import { AppError } from '../../errors.ts';
import { canonicalJson } from '../../events/schema/canonical-json.ts';
import { type NewEvent, streams } from '../../events/schema/event.ts';
import { specHash } from '../../events/schema/hash.ts';
import type { RolloutPauseReason } from '../../events/schema/rollout-facts.ts';
import { modeOf, type ServicePolicy } from '../../model/policy.ts';
import type { ContainerSpec } from '../../model/service.ts';
import type { ServiceView } from '../../projections/view/cluster-view.ts';
import type { RolloutView } from '../../projections/view/rollout-view.ts';
import { metaOf, type RequestContext } from './decision.ts';
import { requestService } from './request-service.ts';

export const rolloutActions = ['pause', 'resume', 'promote', 'abort'] as const;
export type RolloutAction = (typeof rolloutActions)[number];

/** What a generation of a service was. */
export type GenerationSpec = { generation: number; spec: ContainerSpec; policy: ServicePolicy };

export type ReleaseRequest =
  /** `to`: found in the log, where every generation is. */
  | { kind: 'rollback'; service: string; to: GenerationSpec }
  | { kind: 'rollout'; service: string; action: RolloutAction }
  /** Replaces its containers one after the other by others of the same spec. */
  | { kind: 'restart'; service: string };

/** @throws AppError `rollout_not_found` · `rollout_not_paused` */
export function decideRelease(service: ServiceView, request: ReleaseRequest, context: RequestContext): NewEvent[] {
  switch (request.kind) {
    case 'rollback':
      return [requestSpec(service, request.to, context, request.to.generation)];
    case 'restart': {
      const spec = withRestarts(service.spec, (service.spec.restarts ?? 0) + 1);
      return [requestSpec(service, { spec, policy: service.policy }, context)];
    }
    case 'rollout':
      return steer(service, request.action, context);
  }
}

/** The count of restarts is no member of a request: it goes on with the service. */
export function withRestarts(spec: ContainerSpec, restarts: number | undefined): ContainerSpec {
  const { restarts: _before, ...others } = spec;
  return restarts === undefined ? others : { ...others, restarts };
}

/** The replicas stay as many as they are: how many are needed does not follow from the version. */
function requestSpec(
  { name, replicas, generation, specHash: presentHash, policy: presentPolicy }: ServiceView,
  { spec, policy }: Omit<GenerationSpec, 'generation'>,
  context: RequestContext,
  rollbackTo?: number,
): NewEvent {
  const hash = specHash(spec);
  const changed = hash !== presentHash || canonicalJson(policy) !== canonicalJson(presentPolicy);
  const requested = { name, replicas: modeOf(policy) === 'replicated' ? replicas : 0, spec, specHash: hash, policy };
  return requestService(requested, changed ? generation + 1 : generation, changed, context, rollbackTo);
}

function steer(service: ServiceView, action: RolloutAction, context: RequestContext): NewEvent[] {
  const rollout = findRollout(service);
  const ref = { service: service.name, from: rollout.from, to: rollout.to };
  const head = { stream: streams.service(service.name), meta: metaOf(context) };
  const failure = { container: rollout.lastFailure?.container ?? null, failures: rollout.failures };
  switch (action) {
    case 'pause': {
      const why: RolloutPauseReason = 'requested';
      const reason = `${context.actor} paused it`;
      return rollout.state === 'paused'
        ? [requestService(service, service.generation, false, context)]
        : [{ ...head, type: 'RolloutPaused', data: { ...ref, why, reason, ...failure } }];
    }
    case 'resume':
    case 'promote': {
      const isPromoted = action === 'promote';
      if (!isPromoted && rollout.state !== 'paused') {
        throw new AppError('rollout_not_paused', `the rollout of ${service.name} is ${rollout.state}`);
      }
      return [{ ...head, type: 'RolloutResumed', data: { ...ref, isPromoted } }];
    }
    case 'abort': {
      const { settled } = service;
      const reason = `${context.actor} aborted it`;
      const failed: NewEvent = { ...head, type: 'RolloutFailed', data: { ...ref, reason, ...failure } };
      return settled ? [failed, requestSpec(service, settled, context, settled.generation)] : [failed];
    }
  }
}

/** One that is neither complete nor given up. @throws AppError `rollout_not_found` */
function findRollout({ name, rollout }: ServiceView): RolloutView {
  if (rollout?.state === 'in progress' || rollout?.state === 'paused') return rollout;
  const state = rollout === null ? 'none has started' : `the last one is ${rollout.state}`;
  throw new AppError('rollout_not_found', `${name} has no rollout under way: ${state}`);
}
