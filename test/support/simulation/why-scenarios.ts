/** Histories to be explained: requests and failures on the simulated cluster. */

import { ok } from 'node:assert';
import { type LogEvent, streams } from '../../../src/events/schema/event.ts';
import type { ContainerSpec } from '../../../src/model/service.ts';
import { type ApiRequest, decide } from '../../../src/reconciler/commands/decide.ts';
import {
  createSimulatedCluster,
  nodeTimeoutMs,
  type SimulatedCluster,
  type SimulationOptions,
} from './simulated-cluster.ts';

export function startScene(nodes: number, options: SimulationOptions & { seed?: number } = {}): SimulatedCluster {
  const cluster = createSimulatedCluster(options.seed ?? 7, options);
  for (let number = 1; number <= nodes; number += 1) cluster.addNode(`worker-${number}`);
  cluster.advance(2_000);
  return cluster;
}

/** As the API would, in the name of a person; then some seconds pass. */
export function ask(cluster: SimulatedCluster, person: string, request: ApiRequest, waitMs = 5_000): void {
  const { events, expect } = decide(
    cluster.view,
    request,
    { actor: `person:${person}`, requestId: 'request' },
    { nodeTimeoutMs },
  );
  ok(cluster.append(events, expect));
  cluster.advance(waitMs);
}

export const applyFor = (service: string, replicas: number, container: ContainerSpec): ApiRequest => ({
  kind: 'apply',
  specs: [{ service, replicas, container }],
});

/** It ends by itself, as its agent would tell. */
export function exit(cluster: SimulatedCluster, id: string, exitCode: number, logTail: string[], waitMs = 3_000): void {
  const container = cluster.view.containers.get(id)!;
  const { service, slot, node, latest, version } = container;
  cluster.nodes.get(node)!.running.delete(id);
  const data = { container: id, service, slot, node, reason: 'exited', exitCode, logTail } as const;
  const event = {
    stream: streams.container(id),
    type: 'ContainerFailed',
    data: { ...data, message: `exit code ${exitCode}` },
    meta: { actor: `node:${node}`, causationId: latest.eventId },
  } as const;
  ok(cluster.append([event], [{ stream: event.stream, version }]));
  cluster.advance(waitMs);
}

/** Ids of what runs of a service, by slot. */
export const runningOf = (cluster: SimulatedCluster, service: string): string[] =>
  [...cluster.view.containers.values()]
    .filter((container) => container.service === service && container.state === 'running')
    .sort((a, b) => a.slot - b.slot)
    .map(({ id }) => id);

/** Every container there ever was. */
export const containersIn = (events: readonly LogEvent[]): string[] =>
  events.flatMap((event) => (event.type === 'ContainerQueued' ? [event.data.container] : []));
