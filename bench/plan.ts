/**
 * Measures the planner: a first placement of 50,000 containers on 5,000 nodes, then one change; and the first placement
 * again with constraints and a spread. The ratios are the point.
 */

import { type LogEvent, type NewEvent, streams } from '../src/events/schema/event.ts';
import type { NodeLabels } from '../src/model/node.ts';
import type { PlacementPolicy } from '../src/model/placement.ts';
import type { ServicePolicy } from '../src/model/policy.ts';
import { type ClusterView, emptyClusterView } from '../src/projections/view/cluster-view.ts';
import { evolve } from '../src/projections/view/evolve.ts';
import { plan } from '../src/reconciler/planner/plan.ts';
import { createWorkQueue, type WorkQueue } from '../src/reconciler/planner/work-queue.ts';
import { specOf } from '../test/support/specs.ts';
import type { BenchRow } from './table.ts';

const nodes = 5_000;
const services = 500;
const replicas = 100;
const changes = 50;
/** One change may cost this share of the first placement. */
const changeShareMax = 0.01;
/** A first placement with constraints and a spread may cost so much of one without. */
const placementRatioMax = 1.5;
const zones = 5;
/** Each way is measured so often, one after the other; the median counts. */
const placementRounds = 5;

const meta = { actor: 'bench', causationId: null };
const nothing: ReadonlySet<string> = new Set();

export async function benchPlan(): Promise<BenchRow[]> {
  const view = emptyClusterView();
  const queue = createWorkQueue(view);
  const log = createAppender(view, queue);
  for (let number = 1; number <= nodes; number += 1) log.append(registration(`worker-${number}`));
  for (let number = 1; number <= services; number += 1) log.append(request(`service-${number}`));

  const first = timePlan(view, queue);
  for (const event of first.events) log.append(event);
  run(view, queue, log);

  const changeMs: number[] = [];
  for (let change = 0; change < changes; change += 1) {
    const victim = [...view.services.get(`service-${change + 1}`)!.slots.get(1)!.containers][0]!;
    log.append(failure(view, victim));
    const { events, ms } = timePlan(view, queue);
    if (events.length !== 1) throw new Error(`one change should give one step, it gave ${events.length}`);
    changeMs.push(ms);
    for (const event of events) log.append(event);
  }
  const change = changeMs.toSorted((a, b) => a - b)[changes >> 1]!;
  const share = change / first.ms;
  return [
    {
      name: `plan: first placement of ${services * replicas} containers on ${nodes} nodes`,
      value: `${first.ms.toFixed(0)} ms`,
      ratio: null,
      target: '',
      met: null,
    },
    {
      name: 'plan: one change after it (median)',
      value: `${change.toFixed(2)} ms`,
      ratio: share,
      target: `≤ ${changeShareMax} of the first`,
      met: share <= changeShareMax,
    },
    measureConstrained(),
  ];
}

/** Pairs of first placements, without and with: the machine's mood falls on both. */
function measureConstrained(): BenchRow {
  const ratios: number[] = [];
  const constrainedMs: number[] = [];
  for (let round = 0; round < placementRounds; round += 1) {
    const free = timeFirstPlacement({});
    const constrained = timeFirstPlacement({ placement: zoned });
    constrainedMs.push(constrained);
    ratios.push(constrained / free);
  }
  const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;
  const ratio = median(ratios);
  return {
    name: `plan: first placement of ${services * replicas} containers by constraints and a spread`,
    value: `${median(constrainedMs).toFixed(0)} ms`,
    ratio,
    target: `≤ ${placementRatioMax} of one without`,
    met: ratio <= placementRatioMax,
  };
}

const zoned: PlacementPolicy = {
  constraints: [
    { key: 'node.labels.zone', operator: '!=', value: 'zone-0' },
    { key: 'engine.kind', operator: '==', value: 'simulated' },
  ],
  ...{ spread: 'node.labels.zone', maxPerNode: 10, strategy: 'spread' },
};

function timeFirstPlacement(policy: ServicePolicy): number {
  const view = emptyClusterView();
  const queue = createWorkQueue(view);
  const log = createAppender(view, queue);
  for (let number = 1; number <= nodes; number += 1) {
    log.append(registration(`worker-${number}`, [{ name: 'zone', value: `zone-${number % zones}` }]));
  }
  for (let number = 1; number <= services; number += 1) log.append(request(`service-${number}`, policy));
  const { events, ms } = timePlan(view, queue);
  if (events.length !== services * replicas) throw new Error(`${events.length} steps, not one for each container`);
  return ms;
}

function timePlan(view: ClusterView, queue: WorkQueue): { events: NewEvent[]; ms: number } {
  const { services } = queue.take();
  const work = { services, nodes: nothing };
  const startedMs = performance.now();
  const heartbeats = { timeoutMs: 5_000, silentMs: () => 0, sinceHeartbeatMs: () => 0 };
  const steps = plan({ view, work, heartbeats, settings: { queueTimeoutMs: 1e9 }, nowMs: Date.now() });
  return { events: steps.map(({ event }) => event), ms: performance.now() - startedMs };
}

function createAppender(view: ClusterView, queue: WorkQueue) {
  const versions = new Map<string, number>();
  return {
    append(event: NewEvent) {
      const version = (versions.get(event.stream) ?? 0) + 1;
      versions.set(event.stream, version);
      const position = view.position + 1;
      const ids = { eventId: `e${position}`, commitId: `c${position}`, requestId: null, correlationId: `e${position}` };
      const at = new Date().toISOString();
      const stored = { ...event, position, version, schemaVersion: 1, at, meta: { ...ids, ...event.meta } };
      queue.add(evolve(view, stored as LogEvent));
    },
  };
}

/** Every queued container runs: what a plan after it finds is settled. */
function run(view: ClusterView, queue: WorkQueue, log: ReturnType<typeof createAppender>): void {
  for (const id of [...view.queued]) {
    const { service, slot, node } = view.containers.get(id)!;
    const session = view.nodes.get(node)!.session;
    const data = { container: id, service, slot, node, session, engineContainerId: id, startedAt: view.at, ports: [] };
    log.append({ stream: streams.container(id), type: 'ContainerRunning', data, meta });
  }
  timePlan(view, queue);
}

function registration(node: string, labels: NodeLabels = []): NewEvent {
  const engine = { kind: 'simulated' as const, engineId: node, version: '1', memoryBytes: 2 ** 36, cpuMillis: 64_000 };
  const registrationId = '00000000-0000-4000-8000-000000000000';
  const data = { node, registrationId, engine, hostname: node, agentVersion: '1', labels, inventory: [] };
  return { stream: streams.node(node), type: 'NodeRegistered', data, meta };
}

function request(service: string, policy: ServicePolicy = {}): NewEvent {
  const container = specOf('nginx', { resources: { memoryBytes: 64 * 2 ** 20, cpuMillis: 50 } });
  const data = { service, generation: 1, changed: true, replicas, container, specHash: '0123456789abcdef', ...policy };
  return { stream: streams.service(service), type: 'ServiceRequested', data, meta };
}

function failure(view: ClusterView, id: string): NewEvent {
  const { service, slot, node } = view.containers.get(id)!;
  const end = { reason: 'exited' as const, message: 'it ended', exitCode: 1, logTail: [] };
  const data = { container: id, service, slot, node, ...end };
  return { stream: streams.container(id), type: 'ContainerFailed', data, meta };
}
