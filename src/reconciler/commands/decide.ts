/**
 * Decides requests of clients on the current view. Pure: the view and the request in; events, and the versions they were
 * decided from, out; or a refusal by code. Appends nothing and knows nothing of HTTP.
 */

import { AppError } from '../../errors.ts';
import type { Expectation } from '../../events/log/event-log.ts';
import { canonicalJson } from '../../events/schema/canonical-json.ts';
import type { LogEvent, NewEvent } from '../../events/schema/event.ts';
import { streams } from '../../events/schema/event.ts';
import { specHash } from '../../events/schema/hash.ts';
import { type JobPolicy, jobPolicyDefault } from '../../model/job.ts';
import type { NodeLabels } from '../../model/node.ts';
import { type PlacementPolicy, type RebalancePolicy, rebalanceDefault } from '../../model/placement.ts';
import {
  modeOf,
  type OnDisconnect,
  policyOf,
  type RestartPolicy,
  restartPolicyDefault,
  type ServicePolicy,
  type UpdatePolicy,
  updatePolicyDefault,
} from '../../model/policy.ts';
import type { Schedule } from '../../model/schedule.ts';
import type { ServiceSpec } from '../../model/service.ts';
import type { ClusterView, ServiceView } from '../../projections/view/cluster-view.ts';
import { assertPatchable, assertSameMode } from './assert-mode.ts';
import { type DecideSettings, decideNode, type NodeRequest } from './decide-node.ts';
import { decideRegistry, type RegistryRequest } from './decide-registry.ts';
import { decideRelease, type ReleaseRequest, withRestarts } from './decide-release.ts';
import { decideToken, type TokenRequest } from './decide-token.ts';
import { type Decision, metaOf, type RequestContext } from './decision.ts';
import { assertOptions } from './option-rules.ts';
import { type ContainerPatch, patchContainer } from './patch-spec.ts';
import { assertPolicy } from './policy-rules.ts';
import { requestService } from './request-service.ts';
import { assertSpecSize } from './spec-limit.ts';

/** `replicas: null`: as many as the service has; one of a new service. */
export type SpecRequest = Omit<ServiceSpec, 'specHash' | 'replicas'> & { replicas: number | null };

/** A member that is present is merged into the old one; null: the default again. */
export type PolicyPatch = {
  job?: Partial<JobPolicy> | null;
  /** As a whole: what it says about one expression says nothing about another. */
  schedule?: Schedule | null;
  update?: Partial<UpdatePolicy> | null;
  restart?: Partial<RestartPolicy> | null;
  /** As a whole, as the schedule. */
  placement?: PlacementPolicy | null;
  rebalance?: Partial<RebalancePolicy> | null;
  onDisconnect?: OnDisconnect | null;
};

const replicasDefault = 1;

export type ApiRequest =
  /** The whole spec of each; creates or edits. Names are distinct. */
  | { kind: 'apply'; specs: readonly SpecRequest[] }
  | { kind: 'patch'; service: string; replicas?: number; container?: ContainerPatch; policy?: PolicyPatch }
  | ReleaseRequest
  | { kind: 'remove'; service: string }
  | NodeRequest
  | TokenRequest
  | RegistryRequest;

/**
 * @throws AppError `service_not_found` · `service_removing` · `node_not_found` · `node_not_lost` ·
 *   `node_heard` · `mode_mismatch` · `rollout_not_found` · `rollout_not_paused` · `service_too_large` · `body_contradictory` (details.field, .rule) · of tokens: see `decideToken` · of
 *   registries: see `decideRegistry`
 */
export function decide(
  view: ClusterView,
  request: ApiRequest,
  context: RequestContext,
  settings: DecideSettings,
): Decision {
  switch (request.kind) {
    case 'apply': {
      const events = request.specs.map((spec, index) => applySpec(view, spec, `services[${index}].`, context));
      return { events, expect: request.specs.map(({ service }) => expectService(view, service)) };
    }
    case 'patch': {
      const service = findStayingService(view, request.service);
      assertPatchable(service, request);
      const { name, replicas, spec } = service;
      const container = request.container ? patchContainer(spec, request.container, 'container') : spec;
      const policy = patchPolicy(service.policy, request.policy);
      const changed = { service: name, replicas: request.replicas ?? replicas, container, ...policy };
      if (request.policy && Object.keys(request.policy).length > 0) {
        const isReplicated = modeOf(policy) === 'replicated';
        assertPolicy({ ...changed, replicas: isReplicated ? changed.replicas : null }, '', restartOf(request.policy));
      }
      return { events: [applySpec(view, changed, '', context)], expect: [expectService(view, name)] };
    }
    case 'remove':
      return {
        events: [removeService(findService(view, request.service), context)],
        expect: [expectService(view, request.service)],
      };
    case 'node':
    case 'label node':
      return decideNode(view, request, context, settings);
    case 'rollback':
    case 'rollout':
    case 'restart': {
      const service = findStayingService(view, request.service);
      return { events: decideRelease(service, request, context), expect: [expectService(view, service.name)] };
    }
    case 'issue token':
    case 'revoke token':
    case 'use token':
      return decideToken(view, request, context);
    case 'set registry login':
    case 'remove registry login':
      return decideRegistry(view, request, context);
  }
}

/** @param path of the service in the request, with its dot; a refusal names it */
function applySpec(view: ClusterView, spec: SpecRequest, path: string, context: RequestContext): NewEvent {
  const { service: name } = spec;
  const policy = policyOf(spec);
  const known = view.services.get(name);
  if (known) assertSameMode(known, policy, path);
  const container = withRestarts(spec.container, known?.spec.restarts);
  const isReplicated = modeOf(policy) === 'replicated';
  const replicasBefore = known && !known.removing ? known.replicas : replicasDefault;
  const replicas = isReplicated ? (spec.replicas ?? replicasBefore) : 0;
  const hash = specHash(container);
  const isSameContainer = known !== undefined && !known.removing && known.specHash === hash;
  const isSameSpec = isSameContainer && canonicalJson(known.policy) === canonicalJson(policy);
  if (!isSameContainer) {
    assertOptions(container, `${path}container`);
    assertSpecSize(container, `${path}container`);
  }
  if (isSameSpec && isReplicated && known.replicas !== replicas) {
    const data = { service: name, generation: known.generation + 1, from: known.replicas, replicas };
    return { stream: streams.service(name), type: 'ServiceScaled', data, meta: metaOf(context) };
  }
  const before = known?.generation ?? view.removedServices.get(name)?.generation ?? 0;
  const generation = isSameSpec ? before : before + 1;
  return requestService({ name, replicas, spec: container, specHash: hash, policy }, generation, !isSameSpec, context);
}

/** What a patch says of restarts, for rules about single members. */
const restartOf = ({ restart }: PolicyPatch) => (restart ? { restart } : {});

function patchPolicy(policy: ServicePolicy, patch: PolicyPatch = {}): ServicePolicy {
  const { job, schedule, update, restart, placement, rebalance, onDisconnect } = patch;
  const patched: ServicePolicy = { ...policy };
  if (job !== undefined) patched.job = { ...(job && policy.job ? policy.job : jobPolicyDefault), ...job };
  if (schedule) patched.schedule = schedule;
  if (schedule === null) delete patched.schedule;
  if (update) patched.update = { ...(policy.update ?? updatePolicyDefault), ...update };
  if (update === null) delete patched.update;
  if (restart) patched.restart = { ...(policy.restart ?? restartPolicyDefault), ...restart };
  if (restart === null) delete patched.restart;
  if (placement) patched.placement = placement;
  if (placement === null) delete patched.placement;
  if (rebalance) patched.rebalance = { ...(policy.rebalance ?? rebalanceDefault), ...rebalance };
  if (rebalance === null) delete patched.rebalance;
  if (onDisconnect === 'keep') patched.onDisconnect = onDisconnect;
  else if (onDisconnect !== undefined) delete patched.onDisconnect;
  return patched;
}

/** A repeated removal changes nothing, and is recorded like every request that changes nothing. */
function removeService(service: ServiceView, context: RequestContext): NewEvent {
  if (service.removing) return requestService(service, service.generation, false, context);
  const data = { service: service.name, generation: service.generation + 1 };
  return { stream: streams.service(service.name), type: 'ServiceRemovalRequested', data, meta: metaOf(context) };
}

/** What became of each service or node, derived from the events alone, so that a repeat can be answered from the log. Pure. */
export type Outcome = {
  services: { serviceName: string; generation: number; changed: boolean }[];
  nodes: {
    node: string;
    availability?: 'active' | 'cordoned' | 'draining' | 'lost' | 'removed';
    /** Those that were set, all of them. */
    labels?: NodeLabels;
  }[];
  tokens: { token: string; name: string; state: 'issued' | 'revoked' }[];
  /** `username` null: it was removed. */
  logins: { host: string; username: string | null; version: number; changed: boolean }[];
};

export function outcomeOf(events: readonly (NewEvent | LogEvent)[]): Outcome {
  const outcome: Outcome = { services: [], nodes: [], tokens: [], logins: [] };
  for (const event of events) {
    switch (event.type) {
      case 'ServiceRequested':
      case 'ServiceScaled':
      case 'ServiceRemovalRequested': {
        const { service: serviceName, generation } = event.data;
        const changed = event.type !== 'ServiceRequested' || event.data.changed;
        outcome.services.push({ serviceName, generation, changed });
        break;
      }
      case 'RolloutPaused':
      case 'RolloutResumed':
      case 'RolloutFailed':
        outcome.services.push({ serviceName: event.data.service, generation: event.data.to, changed: true });
        break;
      case 'NodeCordoned':
        outcome.nodes.push({ node: event.data.node, availability: 'cordoned' });
        break;
      case 'NodeDrainRequested':
        outcome.nodes.push({ node: event.data.node, availability: 'draining' });
        break;
      case 'NodeActivated':
        outcome.nodes.push({ node: event.data.node, availability: 'active' });
        break;
      case 'NodeLost':
        outcome.nodes.push({ node: event.data.node, availability: 'lost' });
        break;
      case 'NodeLabelsSet':
        outcome.nodes.push(event.data);
        break;
      case 'NodeRemoved':
        outcome.nodes.push({ node: event.data.node, availability: 'removed' });
        break;
      case 'RegistryLoginSet': {
        const { host, username, version, changed } = event.data;
        outcome.logins.push({ host, username, version, changed });
        break;
      }
      case 'RegistryLoginRemoved':
        outcome.logins.push({ ...event.data, username: null, changed: true });
        break;
      case 'TokenIssued':
      case 'TokenUsed':
      case 'TokenRevoked': {
        const { token, name } = event.data;
        outcome.tokens.push({ token, name, state: event.type === 'TokenIssued' ? 'issued' : 'revoked' });
        break;
      }
    }
  }
  return outcome;
}

function findService(view: ClusterView, name: string): ServiceView {
  const service = view.services.get(name);
  if (!service) throw new AppError('service_not_found', `no service is called ${name}`);
  return service;
}

/** One that is not being removed. */
function findStayingService(view: ClusterView, name: string): ServiceView {
  const service = findService(view, name);
  if (!service.removing) return service;
  throw new AppError('service_removing', `${name} is being removed; POST /service requests it again`);
}

/** A stream outlives its service: its version goes on from the removal. */
function expectService(view: ClusterView, name: string): Expectation {
  const version = view.services.get(name)?.version ?? view.removedServices.get(name)?.version ?? 0;
  return { stream: streams.service(name), version };
}
