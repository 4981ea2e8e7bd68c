/**
 * A history as a busy cluster writes it: 500 nodes, 200 services of 50 replicas, then runs that end and are
 * replaced, with heartbeats between. Deterministic, and endless: take as much as needed.
 */

import type { NewEvent, NewMeta } from '../src/events/schema/event.ts';
import { streams } from '../src/events/schema/event.ts';
import type { ContainerSpec } from '../src/model/service.ts';

export type HistoryShape = { nodes: number; services: number; replicas: number };

export const busyCluster: HistoryShape = { nodes: 500, services: 200, replicas: 50 };

const meta: NewMeta = { actor: 'controller', causationId: '5b1f0b1c-3a54-4f61-9d0e-0d6c2d1f7a11' };
const engineUuid = '11111111-1111-4111-8111-111111111111';

const spec = (service: number): ContainerSpec => ({
  name: 'app',
  image: `registry.example/team/service-${service}:1.4.2`,
  command: null,
  args: ['--port', '8080'],
  env: [
    { name: 'DATABASE', secret: 'database' },
    { name: 'LEVEL', value: 'info' },
  ],
  ports: [{ container: 8080, host: null, protocol: 'tcp' }],
  labels: [{ name: 'team', value: 'shop' }],
  resources: { memoryBytes: 268_435_456, cpuMillis: 100 },
  stopTimeoutSeconds: 10,
});

const specHash = (service: number): string => service.toString(16).padStart(16, '0');

type Run = { container: string; service: string; slot: number; node: string };

/** Appends in order; each at most 500 events. */
export function* writeHistory(shape: HistoryShape): Generator<NewEvent[]> {
  const sessions: number[] = [];
  let position = 0;
  let runs = 0;
  const batch = (events: NewEvent[]): NewEvent[] => {
    position += events.length;
    return events;
  };

  for (let n = 0; n < shape.nodes; n += 1) {
    sessions.push(position + 1);
    yield batch([registerNode(n)]);
  }
  const places: { service: number; slot: number; run: Run | null }[] = [];
  for (let s = 0; s < shape.services; s += 1) {
    yield batch([requestService(s, shape.replicas)]);
    for (let slot = 1; slot <= shape.replicas; slot += 1) places.push({ service: s, slot, run: null });
  }
  const startNext = (place: (typeof places)[number]): NewEvent[] => {
    const n = runs % shape.nodes;
    runs += 1;
    const container = `service-${place.service}.${place.slot}-${(1_000_000 + runs).toString(36)}`;
    const run = { container, service: `service-${place.service}`, slot: place.slot, node: `worker-${n}` };
    const replaces = place.run?.container ?? null;
    place.run = run;
    return startRun(run, place.service, sessions[n]!, replaces);
  };

  const together = 25;
  for (let first = 0; first < places.length; first += together) {
    yield batch(places.slice(first, first + together).flatMap(startNext));
  }
  for (let turn = 0; ; turn += 1) {
    if (turn % 5 === 0) yield batch([heartbeat(turn, sessions)]);
    const chosen = Array.from({ length: together }, (_, i) => places[(turn * together + i * 7919) % places.length]!);
    const distinct = [...new Set(chosen)];
    yield batch(distinct.flatMap((place, i) => [...endRun(place.run!, (turn + i) % 3), ...startNext(place)]));
  }
}

function registerNode(n: number): NewEvent {
  const node = `worker-${n}`;
  return {
    stream: streams.node(node),
    type: 'NodeRegistered',
    meta: { ...meta, causationId: null, actor: `node:${node}` },
    data: {
      node,
      registrationId: engineUuid,
      engine: {
        kind: 'docker',
        engineId: `engine-of-${node}`,
        version: '27.1',
        memoryBytes: 2 ** 37,
        cpuMillis: 64_000,
      },
      hostname: `${node}.example`,
      agentVersion: '0.1.0',
      labels: [],
      inventory: [],
    },
  };
}

function requestService(s: number, replicas: number): NewEvent {
  const service = `service-${s}`;
  const data = { service, generation: 1, changed: true, replicas, container: spec(s), specHash: specHash(s) };
  return { stream: streams.service(service), type: 'ServiceRequested', data, meta };
}

function startRun(run: Run, service: number, session: number, replaces: string | null): NewEvent[] {
  const stream = streams.container(run.container);
  const candidates = [0, 1, 2, 3, 4].map((i) => ({ node: `worker-${i}`, replicasOfService: 0, containers: 20 + i }));
  const ports = [{ container: 8080, host: 32_768 + run.slot, protocol: 'tcp' as const }];
  return [
    {
      stream,
      type: 'ContainerQueued',
      meta,
      data: {
        ...run,
        session,
        engineId: `engine-of-${run.node}`,
        generation: 1,
        specHash: specHash(service),
        image: spec(service).image,
        replaces,
        queueDeadline: '2026-01-01T00:01:00.000Z',
        candidates,
        filtered: [],
      },
    },
    { stream, type: 'ContainerStarting', meta, data: { ...run, session } },
    {
      stream,
      type: 'ContainerRunning',
      meta,
      data: {
        ...run,
        session,
        engineContainerId: '4f1d2c3b4a5968778695a4b3c2d1e0ff4f1d2c3b4a5968778695a4b3c2d1e0ff',
        startedAt: '2026-01-01T00:00:01.000Z',
        ports,
      },
    },
  ];
}

function endRun(run: Run, way: number): NewEvent[] {
  const stream = streams.container(run.container);
  if (way === 0) {
    const words = { reason: 'exited' as const, message: 'exit code 1', exitCode: 1, logTail: ['listening', 'fatal'] };
    return [{ stream, type: 'ContainerFailed', meta, data: { ...run, ...words } }];
  }
  return [
    {
      stream,
      type: 'ContainerStopRequested',
      meta,
      data: { ...run, reason: 'replaced', stopTimeoutSeconds: 10 },
    },
    { stream, type: 'ContainerStopped', meta, data: { ...run, exitCode: 143 } },
  ];
}

function heartbeat(turn: number, sessions: number[]): NewEvent {
  const heartbeats = sessions.slice(0, 100).map((session, n) => ({
    node: `worker-${n}`,
    session,
    sequence: turn,
    at: '2026-01-01T00:00:00.000Z',
    containers: 20,
  }));
  return { stream: streams.heartbeats, type: 'HeartbeatsReceived', data: { heartbeats }, meta };
}
