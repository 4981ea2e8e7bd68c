/** The row of a service as operators see it: its status, and why, in a sentence. Pure. */

import type { ServiceMode } from '../../model/job.ts';
import { modeOf } from '../../model/policy.ts';
import type { ServiceStatus } from '../../model/status-charts.ts';
import type { ClusterView, ContainerView, ServiceView } from '../view/cluster-view.ts';
import { lacksNode, replicasWanted } from '../view/replicas-wanted.ts';
import type { RolloutView } from '../view/rollout-view.ts';
import type { SlotView } from '../view/slot-view.ts';
import { isSurplusSlot } from '../view/slots.ts';
import { judgeJob } from './job-status.ts';
import { sortNatural } from './order.ts';

export type RolloutRow = {
  state: RolloutView['state'];
  /** Generations. */
  from: number;
  to: number;
  /** Containers of its spec that run, and how many of them are healthy or have no check. */
  updated: number;
  healthy: number;
  /** Those that failed since it started or was resumed. */
  failed: number;
  /** Why it does not go on, in a sentence. */
  reason: string | null;
};

export type ServiceRow = {
  serviceName: string;
  mode: ServiceMode;
  /** How many containers it should have now. */
  replicas: number;
  running: number;
  /** How many of the containers are on nodes that are silent, or whose engines are: nothing is known of them. */
  unknown: number;
  generation: number;
  status: ServiceStatus;
  /** A sentence; null when converged or completed. */
  reason: string | null;
  image: string;
  /** What the image of the present spec means: all its containers run it. */
  imageDigest: string | null;
  /** Why there is none, in a sentence; null when there is one. */
  imageDigestReason: string | null;
  /** The last one; null: none was needed yet. */
  rollout: RolloutRow | null;
  /** When the spec last changed. */
  updatedAt: string;
  createdAt: string;
  specHash: string;
  /** The last fact that changed the row. */
  position: number;
};

export function serviceRow(view: ClusterView, service: ServiceView): ServiceRow {
  const { status, reason } = judgeService(view, service);
  return {
    serviceName: service.name,
    mode: modeOf(service.policy),
    replicas: replicasWanted(service),
    running: service.running,
    unknown: countUnknown(view, service),
    generation: service.generation,
    status,
    reason,
    image: service.spec.image,
    ...imageDigest(service),
    rollout: rolloutRow(view, service),
    updatedAt: service.updatedAt,
    createdAt: service.createdAt,
    specHash: service.specHash,
    position: service.position,
  };
}

function imageDigest({ images, specHash }: ServiceView): Pick<ServiceRow, 'imageDigest' | 'imageDigestReason'> {
  const { digest = null, reason = null } = images.get(specHash) ?? {};
  return { imageDigest: digest, imageDigestReason: digest === null ? (reason ?? 'no node has resolved it yet') : null };
}

function rolloutRow(view: ClusterView, service: ServiceView): RolloutRow | null {
  const { rollout, specHash, runningCurrent: updated } = service;
  if (!rollout) return null;
  const { state, from, to, failures: failed, reason } = rollout;
  const healthy = liveContainers(view, service).filter((c) => c.specHash === specHash && isWell(c)).length;
  return { state, from, to, updated, healthy, failed, reason };
}

/** It runs, and is healthy where it has a check. */
const isWell = ({ state, isChecked, health }: ContainerView): boolean =>
  state === 'running' && (isChecked ? health === 'healthy' : health !== 'unhealthy');

type Judgement = { status: ServiceStatus; reason: string | null };

/** The first that applies: what an operator has to act on comes before what passes by itself. */
function judgeService(view: ClusterView, service: ServiceView): Judgement {
  if (service.removing) return { status: 'removing', reason: describeRemoving(view, service) };
  const { rollout } = service;
  if (rollout?.state === 'paused' || rollout?.state === 'failed') {
    return { status: 'paused', reason: describeHeld(service, rollout) };
  }
  if (service.blocked && lacksNode(service)) {
    return { status: 'blocked', reason: describeBlocked(service, service.blocked) };
  }
  const unknown = countUnknown(view, service);
  if (unknown > 0) return { status: 'degraded', reason: describeUnknown(view, service, unknown) };
  if (service.job) return judgeJob(service, service.job, formatContainers(liveContainers(view, service)));
  if (service.unstable && isConverged(view, service)) {
    return { status: 'degraded', reason: describeUnstable(service, service.unstable) };
  }
  if (isConverged(view, service)) return { status: 'converged', reason: null };
  const failing = [...service.slots.values()].filter((slot) => isFailing(view, slot));
  if (failing.length > 0) return { status: 'degraded', reason: describeFailing(view, service, failing) };
  const unhealthy = liveContainers(view, service).filter(
    ({ health, state }) => state === 'running' && health === 'unhealthy',
  );
  if (unhealthy.length > 0) return { status: 'degraded', reason: describeUnhealthy(service, unhealthy) };
  return { status: 'progressing', reason: describeProgress(view, service) };
}

/** Every slot has exactly one container, it runs well, and by the present spec; or its restart policy wants no more of it. */
function isConverged(view: ClusterView, service: ServiceView): boolean {
  if (service.rollout?.state === 'in progress' || service.runningCurrent !== service.live) return false;
  let settled = 0;
  for (const { slot, containers, done } of service.slots.values()) {
    const [id, ...others] = containers;
    const isSurplus = isSurplusSlot(view, service, slot);
    if (id !== undefined && (isSurplus || others.length > 0 || !isWell(view.containers.get(id)!))) return false;
    if (id !== undefined || (!isSurplus && done === service.specHash)) settled += 1;
  }
  return settled === replicasWanted(service);
}

/** Costs a look at each node that cannot be reached: mostly none. */
function countUnknown(view: ClusterView, { perNode }: ServiceView): number {
  let unknown = 0;
  for (const id of view.unreachable) unknown += perNode.get(id) ?? 0;
  return unknown;
}

function describeUnknown(view: ClusterView, { perNode, live }: ServiceView, unknown: number): string {
  const ids = [...view.unreachable].filter((id) => perNode.has(id));
  const isHeld = ids.some((id) => view.nodes.get(id)?.silentSince !== null);
  const what = isHeld ? 'not heard, and rescheduling is paused' : 'without an engine that answers';
  return `nothing is known of ${unknown} of ${plural(live, 'container')}, on ${formatNodes(ids)}: ${what}`;
}

function describeHeld({ replicas, running }: ServiceView, { state, to, reason }: RolloutView): string {
  const end = state === 'failed' ? 'given up' : 'paused';
  return `the rollout of generation ${to} is ${end}: ${reason}; ${running} of ${plural(replicas, 'replica')} running`;
}

function describeUnstable(
  { name }: ServiceView,
  { slot, failures, withinMs, reason }: NonNullable<ServiceView['unstable']>,
): string {
  return `it runs, but ${name}.${slot} failed ${failures} times within ${withinMs / 60_000} min: ${reason}`;
}

function describeUnhealthy({ name }: ServiceView, unhealthy: readonly ContainerView[]): string {
  const [{ slot, node, message }] = unhealthy as [ContainerView];
  const others = unhealthy.length > 1 ? ` (${plural(unhealthy.length - 1, 'other replica')} too)` : '';
  return `${name}.${slot} is unhealthy on ${node}${others}: ${message}`;
}

/** One failure is replaced at once and is no news; what failed again, or waits, is. */
function isFailing(view: ClusterView, slot: SlotView): boolean {
  if (!slot.lastFailure || (slot.failures < 2 && slot.delayedUntilMs === null)) return false;
  for (const id of slot.containers) if (view.containers.get(id)?.state === 'running') return false;
  return true;
}

function describeRemoving(view: ClusterView, service: ServiceView): string {
  if (service.live === 0) return 'the service is being removed, its last container is gone';
  return `the service is being removed: ${formatContainers(liveContainers(view, service))}`;
}

function describeBlocked(service: ServiceView, { missing, filtered }: NonNullable<ServiceView['blocked']>): string {
  const reasons = filtered.map(({ reason, count }) => `${reason} (${plural(count, 'node')})`);
  const why = reasons.length > 0 ? reasons.join(', ') : 'the cluster has no node';
  const outdated = service.running - service.runningCurrent;
  // What lacks a node is the new spec: the earlier one still runs.
  if (outdated > 0) {
    const of = `${missing} of ${plural(replicasWanted(service), 'replica')}`;
    return `no node to update ${of} on: ${why}; ${service.running} running, ${outdated} of them by an earlier spec`;
  }
  const wanted = service.nodeOfSlot ? service.replicas : replicasWanted(service);
  return `no node for ${missing} of ${plural(wanted, 'replica')}: ${why}`;
}

function describeFailing(view: ClusterView, service: ServiceView, failing: SlotView[]): string {
  const worst = failing.reduce((a, b) => (lastFailedAt(b) > lastFailedAt(a) ? b : a));
  const { reason, message } = worst.lastFailure!;
  const others = failing.length > 1 ? ` (${plural(failing.length - 1, 'other replica')} too)` : '';
  const verb = reason === 'completed' ? 'ended' : 'failed';
  const times = worst.failures === 1 ? verb : `${verb} ${worst.failures} times in a row`;
  return `${service.name}.${worst.slot} ${times}${others}: ${reason}: ${message}; ${describeNextAttempt(view, worst)}`;
}

const lastFailedAt = (slot: SlotView): string => slot.lastFailure?.at ?? '';

function describeNextAttempt(view: ClusterView, slot: SlotView): string {
  if (slot.delayedUntilMs !== null) return `next attempt at ${new Date(slot.delayedUntilMs).toISOString()}`;
  const [next] = slot.containers;
  const container = next === undefined ? undefined : view.containers.get(next);
  return container ? `next attempt is ${container.state} on ${container.node}` : 'next attempt at once';
}

function describeProgress(view: ClusterView, service: ServiceView): string {
  const outdated = service.running - service.runningCurrent;
  const sentence = [`${service.running} of ${replicasWanted(service)} running`];
  if (outdated > 0) sentence.push(`${outdated} of them by an earlier spec`);
  const unproven = liveContainers(view, service).filter(
    (container) => container.state === 'running' && !isWell(container),
  );
  if (unproven.length > 0) sentence.push(`${unproven.length} not healthy yet`);
  const moving = liveContainers(view, service).filter(({ state }) => state !== 'running');
  if (moving.length > 0) sentence.push(formatContainers(moving));
  return sentence.join(', ');
}

function liveContainers(view: ClusterView, service: ServiceView): ContainerView[] {
  const live: ContainerView[] = [];
  for (const slot of service.slots.values()) {
    for (const id of slot.containers) live.push(view.containers.get(id)!);
  }
  return live;
}

/** A sentence stays one: this many nodes are named, the rest is counted. */
const nodesNamedMax = 3;

/** `2 in queue on worker-1 and worker-2, 1 starting on worker-3` */
function formatContainers(containers: ContainerView[]): string {
  const states = ['in queue', 'starting', 'running', 'stopping'] as const;
  return states
    .map((state) => ({ state, of: containers.filter((container) => container.state === state) }))
    .filter(({ of }) => of.length > 0)
    .map(({ state, of }) => `${of.length} ${state} on ${formatNodes(of.map(({ node }) => node))}`)
    .join(', ');
}

function formatNodes(nodes: string[]): string {
  const names = sortNatural(new Set(nodes), (name) => name);
  const rest = names.length - nodesNamedMax;
  const named = rest > 0 ? [...names.slice(0, nodesNamedMax), `${rest} more`] : names;
  const last = named.pop()!;
  return named.length > 0 ? `${named.join(', ')} and ${last}` : last;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
