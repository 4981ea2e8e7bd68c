/** Writes a history by hand in tests: numbers positions and versions, so a test says only what happened. */

import { catalog, type EventData, type EventType } from '../../../src/events/schema/catalog.ts';
import { type LogEvent, streams } from '../../../src/events/schema/event.ts';
import { specHash } from '../../../src/events/schema/hash.ts';
import type { ServicePolicy } from '../../../src/model/policy.ts';
import type { ContainerSpec } from '../../../src/model/service.ts';
import { specOf } from '../specs.ts';

export const clusterId = '11111111-1111-4111-8111-111111111111';

/** Counts time in seconds from here. */
export const epochMs = Date.parse('2026-01-01T00:00:00.000Z');
export const timeOf = (seconds: number): string => new Date(epochMs + seconds * 1000).toISOString();

export const spec = (changes: Partial<ContainerSpec> = {}): ContainerSpec =>
  specOf('nginx', { name: 'web', ...changes });

/** Equal specs alone have equal hashes: with less, an update in a test could be none. */
export const specHashOf = specHash;

export type History = {
  events: LogEvent[];
  /** Later events happen that much later. */
  wait(seconds: number): History;
  add<T extends EventType>(type: T, data: EventData<T>, stream?: string): LogEvent<T>;
  node(id: string, changes?: Partial<EventData<'NodeRegistered'>['engine']>): LogEvent;
  returned(id: string): LogEvent;
  serviceRequested(service: string, replicas: number, container?: ContainerSpec, policy?: ServicePolicy): LogEvent;
  /** As it is: nothing changes. */
  serviceRequestedAgain(service: string): LogEvent;
  queued(service: string, slot: number, node: string, replaces?: string): string;
  starting(id: string): LogEvent;
  running(id: string): LogEvent;
  stopRequested(id: string, reason?: EventData<'ContainerStopRequested'>['reason']): LogEvent;
  stopped(id: string): LogEvent;
  completed(id: string): LogEvent;
  failed(id: string, reason?: EventData<'ContainerFailed'>['reason'], message?: string): LogEvent;
  delayed(service: string, slot: number, container: string, untilSeconds: number): LogEvent;
  blocked(service: string, missing: number): LogEvent;
};

export function createHistory(): History {
  const events: LogEvent[] = [];
  const versions = new Map<string, number>();
  const generations = new Map<string, number>();
  const specs = new Map<string, { container: ContainerSpec; replicas: number }>();
  const sessions = new Map<string, number>();
  const engines = new Map<string, string>();
  const refs = new Map<string, { container: string; service: string; slot: number; node: string }>();
  let seconds = 0;

  const add: History['add'] = (type, data, stream = streamOf(type, data)) => {
    const position = events.length + 1;
    const isFact = catalog[type].class === 'fact';
    const version = isFact ? (versions.get(stream) ?? 0) + 1 : 0;
    if (isFact) versions.set(stream, version);
    const event = {
      position,
      stream,
      version,
      type,
      schemaVersion: 1,
      at: timeOf(seconds),
      data,
      meta: {
        eventId: `event-${position}`,
        commitId: `commit-${position}`,
        actor: 'test',
        requestId: null,
        correlationId: `correlation-${position}`,
        causationId: null,
      },
    };
    events.push(event as unknown as LogEvent);
    return event as never;
  };

  const registration = (node: string, changes: Partial<EventData<'NodeRegistered'>['engine']> = {}) => {
    sessions.set(node, events.length + 1);
    const engineId = changes.engineId ?? `engine-of-${node}`;
    engines.set(node, engineId);
    return {
      node,
      registrationId: clusterId,
      engine: { kind: 'simulated' as const, engineId, version: '1', memoryBytes: 1_000, cpuMillis: 4_000, ...changes },
      hostname: node,
      agentVersion: '0.1.0',
      labels: [],
      inventory: [],
    };
  };
  const nextGeneration = (service: string) => {
    generations.set(service, (generations.get(service) ?? 0) + 1);
    return generations.get(service)!;
  };
  const ref = (id: string) => refs.get(id)!;
  const session = (id: string) => sessions.get(ref(id).node)!;

  const history: History = {
    events,
    wait(by) {
      seconds += by;
      return history;
    },
    add,
    node: (id, changes) => add('NodeRegistered', registration(id, changes)),
    returned: (id) => add('NodeReturned', registration(id)),
    serviceRequested(service, replicas, container = specs.get(service)?.container ?? spec(), policy = {}) {
      specs.set(service, { container, replicas });
      const specHash = specHashOf(container);
      const generation = nextGeneration(service);
      return add('ServiceRequested', { service, generation, changed: true, replicas, container, specHash, ...policy });
    },
    serviceRequestedAgain(service) {
      const { container, replicas } = specs.get(service)!;
      const unchanged = { generation: generations.get(service)!, changed: false, specHash: specHashOf(container) };
      return add('ServiceRequested', { service, replicas, container, ...unchanged });
    },
    queued(service, slot, node, replaces) {
      const container = `${service}.${slot}-${events.length.toString(36)}`;
      refs.set(container, { container, service, slot, node });
      const spec = specs.get(service)!.container;
      add('ContainerQueued', {
        ...ref(container),
        session: sessions.get(node)!,
        engineId: engines.get(node)!,
        generation: generations.get(service)!,
        specHash: specHashOf(spec),
        image: spec.image,
        replaces: replaces ?? null,
        queueDeadline: timeOf(seconds + 60),
        candidates: [],
        filtered: [],
      });
      return container;
    },
    starting: (id) => add('ContainerStarting', { ...ref(id), session: session(id) }),
    running: (id) =>
      add('ContainerRunning', {
        ...ref(id),
        session: session(id),
        engineContainerId: `engine-${id}`,
        startedAt: timeOf(seconds),
        ports: [],
      }),
    stopRequested: (id, reason = 'scaled down') =>
      add('ContainerStopRequested', { ...ref(id), reason, stopTimeoutSeconds: 10 }),
    stopped: (id) => add('ContainerStopped', { ...ref(id), exitCode: 143 }),
    completed: (id) => add('ContainerCompleted', { ...ref(id), logTail: ['bye'] }),
    failed: (id, reason = 'exited', message = 'exit code 1') =>
      add('ContainerFailed', { ...ref(id), reason, message, exitCode: reason === 'exited' ? 1 : null, logTail: [] }),
    delayed: (service, slot, container, untilSeconds) =>
      add('RestartDelayed', { service, slot, container, failures: 2, delayMs: 1000, until: timeOf(untilSeconds) }),
    blocked: (service, missing) =>
      add('PlacementBlocked', {
        service,
        slots: [1],
        missing,
        filtered: [{ filter: 'memory', reason: 'less than 500 bytes of memory are free', count: 2, nodes: [] }],
      }),
  };
  return history;
}

function streamOf(type: EventType, data: object): string {
  const { container, service, node } = data as { container?: string; service?: string; node?: string };
  if (type === 'StaleContainerRemoved') return streams.node(node!);
  if (type.startsWith('Container')) return streams.container(container!);
  if (type.startsWith('Service') || type.startsWith('Job') || type === 'PlacementBlocked' || type === 'RestartDelayed')
    return streams.service(service!);
  if (type.startsWith('Node')) return streams.node(node!);
  return type.startsWith('Controller') ? streams.controller : streams.cluster;
}
