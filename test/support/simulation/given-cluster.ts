/** Steps from which tests on the simulated cluster are written. */

import { ok } from 'node:assert';
import type { EventType } from '../../../src/events/schema/catalog.ts';
import { type LogEvent, type NewEvent, streams } from '../../../src/events/schema/event.ts';
import { specHash } from '../../../src/events/schema/hash.ts';
import type { ContainerSpec } from '../../../src/model/service.ts';
import { type ServiceRow, serviceRow } from '../../../src/projections/rows/service-row.ts';
import type { ClusterView } from '../../../src/projections/view/cluster-view.ts';
import { decide } from '../../../src/reconciler/commands/decide.ts';
import type { NodeAction } from '../../../src/reconciler/commands/decide-node.ts';
import { plan } from '../../../src/reconciler/planner/plan.ts';
import type { Step } from '../../../src/reconciler/planner/step.ts';
import type { Work } from '../../../src/reconciler/planner/work-queue.ts';
import {
  createSimulatedCluster,
  nodeTimeoutMs,
  type SimulatedCluster,
  type SimulationOptions,
} from './simulated-cluster.ts';

const context = { actor: 'person:test', requestId: 'request' };
const meta = { actor: context.actor, causationId: null };

/** worker-1, worker-2 … of 8 GiB and 8 CPUs each, registered and heard. */
export function clusterOf(nodes: number, options?: SimulationOptions): SimulatedCluster {
  const cluster = createSimulatedCluster(1, options);
  for (let number = 1; number <= nodes; number += 1) cluster.addNode(`worker-${number}`);
  cluster.advance(2_000);
  return cluster;
}

export function request(cluster: SimulatedCluster, service: string, replicas: number, spec: ContainerSpec): void {
  const generation = (cluster.view.services.get(service)?.generation ?? 0) + 1;
  const data = { service, generation, changed: true, replicas, container: spec, specHash: specHash(spec) };
  const event: NewEvent = { stream: streams.service(service), type: 'ServiceRequested', data, meta };
  ok(cluster.append([event]));
}

/** As a person asks for it. */
export function change(cluster: SimulatedCluster, node: string, action: NodeAction): void {
  const { events, expect } = decide(cluster.view, { kind: 'node', node, action }, context, { nodeTimeoutMs });
  ok(cluster.append(events, expect));
}

const hearsAll = { timeoutMs: 5_000, silentMs: () => 0, sinceHeartbeatMs: () => 0 };

/** What the planner wants when every node sends heartbeats. */
export const planOn = (view: ClusterView, work: Work, nowMs: number): Step[] =>
  plan({ view, work, heartbeats: hearsAll, settings: { queueTimeoutMs: 60_000 }, nowMs });

type EventOf<T extends EventType> = Extract<LogEvent, { type: T }>;

export const ofType = <T extends EventType>(cluster: SimulatedCluster, type: T): EventOf<T>[] =>
  cluster.events.filter((event): event is EventOf<T> => event.type === type);

/** Where its containers run, sorted; one that runs two of them twice. */
export const nodesOf = (cluster: SimulatedCluster, service: string): string[] =>
  [...cluster.view.containers.values()]
    .filter((container) => container.service === service && container.state === 'running')
    .map(({ node }) => node)
    .toSorted();

export const rowOf = (cluster: SimulatedCluster, service: string): ServiceRow =>
  serviceRow(cluster.view, cluster.view.services.get(service)!);
