/**
 * One event of every type, in an order in which a cluster may write them. A new type, and a new version of an old
 * one, is told at the end: what stands above is in the golden file for ever.
 */

import { catalog, type EventData, type EventType } from '../../src/events/schema/catalog.ts';
import { type StoredEvent, streams } from '../../src/events/schema/event.ts';
import { specHash } from '../../src/events/schema/hash.ts';
import { type JobPolicy, jobPolicyDefault } from '../../src/model/job.ts';
import type { PlacementPolicy } from '../../src/model/placement.ts';
import { type Schedule, scheduleDefaults } from '../../src/model/schedule.ts';
import type { ContainerSpec } from '../../src/model/service.ts';
import { checked, restart, spec, update, withOptions } from './example-specs.ts';

export type GoldenLine = { position: number; at: string; event: StoredEvent };

type Told = {
  [T in EventType]: readonly [type: T, stream: string, data: EventData<T>, schemaVersion?: number];
}[EventType];

const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const atOf = (position: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, position)).toISOString();

const lostNode = { node: 'worker-1', session: 3, lastHeardAt: atOf(26), silentMs: 5001 };

const web = streams.service('web');
const node = (id: string) => ({
  node: id,
  registrationId: uuid(900),
  engine: {
    kind: 'docker' as const,
    engineId: 'engine-1',
    version: '27.1',
    memoryBytes: 8_000_000_000,
    cpuMillis: 4000,
  },
  hostname: 'host-1',
  agentVersion: '0.1.0',
  labels: [{ name: 'zone', value: 'a' }],
  inventory: [],
});
const refOf = (slot: number, cause: number) => ({
  container: `web.${slot}-${cause.toString(36)}`,
  service: 'web',
  slot,
  node: 'worker-1',
});
const pulledPosition = 113;
const [first, second, third, fourth, fifth] = [refOf(1, 4), refOf(2, 4), refOf(1, 12), refOf(1, 45), refOf(1, 52)];
const [sixth, seventh, eighth] = [refOf(1, 76), refOf(1, 82), refOf(1, pulledPosition)];
const ninth = refOf(1, 123);
const tenth = refOf(1, 136);
/** The agent started it by itself. */
const eleventh = { ...tenth, container: `${tenth.container}.1` };
const filtered = [{ filter: 'ports', reason: 'host port 80/tcp is taken', count: 1, nodes: ['worker-2'] }];
const queuedData = (ref: typeof first, replaces: string | null, generation: number, of: ContainerSpec) => ({
  ...ref,
  session: 3,
  engineId: 'engine-1',
  generation,
  specHash: specHash(of),
  image: of.image,
  replaces,
  queueDeadline: '2026-01-01T00:05:00.000Z',
  candidates: [{ node: 'worker-1', replicasOfService: 0, containers: 0 }],
  filtered,
});
const queued = (ref: typeof first, replaces: string | null, generation = 1, of = spec): Told => [
  'ContainerQueued',
  streams.container(ref.container),
  queuedData(ref, replaces, generation, of),
  1,
];
const on = (ref: typeof first) => streams.container(ref.container);
const worker = streams.node('worker-1');
const retire = { service: 'web', generation: 3 };

const rollout = { service: 'web', from: 6, to: 7 };
const back = { service: 'web', from: 7, to: 8 };
const job: JobPolicy = { ...jobPolicyDefault, timeoutSeconds: 60 };
const schedule: Schedule = { cron: '0 3 * * *', ...scheduleDefaults, timeZone: 'Europe/Berlin' };
const dueOf = (run: number, generation: number): EventData<'JobDue'> => ({
  ...{ service: 'web', run, generation, cause: 'requested', dueAt: atOf(75), passed: 0 },
  ...{ firstSlot: 1, completions: 1, isReplacing: true },
});
const placement: PlacementPolicy = {
  ...{ constraints: [{ key: 'node.labels.zone', operator: '==', value: 'a' }], spread: 'node.labels.zone' },
  ...{ maxPerNode: 2, strategy: 'spread' },
};
const pulled: ContainerSpec = { ...spec, pull: 'always' };
const publicKey = 'A'.repeat(43);
const digest = `sha256:${'d'.repeat(64)}`;
const { slot: _, ...eighthRef } = eighth;
const resolved = { ...eighthRef, generation: 21, specHash: specHash(pulled), image: pulled.image };
const login = { host: 'registry.example', username: 'deployer' };
const passwordHash = `scrypt:32768:8:1:${'s'.repeat(22)}:${'h'.repeat(43)}`;
const requestOf = (generation: number, container: ContainerSpec) => ({
  ...{ service: 'web', generation, changed: true, replicas: 1, container, specHash: specHash(container) },
});

/** In the order of their positions; with the version of an older shape. */
const told: readonly Told[] = [
  ['ClusterCreated', streams.cluster, { clusterId: uuid(1), name: 'co' }],
  ['ControllerElected', streams.controller, { term: 1, controllerId: 'manager-1' }, 1],
  ['NodeRegistered', worker, node('worker-1'), 1],
  [
    'ServiceRequested',
    web,
    { service: 'web', generation: 1, changed: true, replicas: 3, container: spec, specHash: specHash(spec) },
    1,
  ],
  queued(first, null),
  queued(second, null),
  ['PlacementBlocked', web, { service: 'web', slots: [3], missing: 1, filtered }],
  ['PullProgressReported', streams.pulls, { pulls: [pullOf(first)] }],
  ['ContainerStarting', on(first), { ...first, session: 3 }],
  ['ContainerRunning', on(first), runningOf(first), 1],
  ['HeartbeatsReceived', streams.heartbeats, { heartbeats: [beat()] }],
  [
    'ContainerFailed',
    on(first),
    { ...first, reason: 'exited', message: 'exit code 1', exitCode: 1, logTail: ['grün', '𝄞'] },
  ],
  [
    'RestartDelayed',
    web,
    {
      service: 'web',
      slot: 1,
      container: first.container,
      failures: 1,
      delayMs: 1000,
      until: '2026-01-01T00:00:14.000Z',
    },
  ],
  queued(third, first.container),
  ['ServiceScaled', web, { service: 'web', generation: 2, from: 3, replicas: 1 }],
  ['ContainerStopRequested', on(second), { ...second, reason: 'scaled down', stopTimeoutSeconds: 10 }, 1],
  ['ContainerStopped', on(second), { ...second, exitCode: 0 }],
  ['ContainerStarting', on(third), { ...third, session: 3 }],
  ['ContainerRunning', on(third), runningOf(third), 1],
  ['ContainerCompleted', on(third), { ...third, logTail: [] }, 1],
  ['ServiceRemovalRequested', web, retire],
  ['ServiceRemoved', web, { service: 'web' }],
  ['StaleContainerRemoved', worker, { node: 'worker-1', container: 'old.1-9', reason: 'of a session long over' }],
  ['NodeCordoned', worker, { node: 'worker-1' }],
  ['NodeDrainRequested', worker, { node: 'worker-1' }],
  ['NodeActivated', worker, { node: 'worker-1' }],
  ['NodeLost', worker, lostNode, 1],
  ['AlarmRaised', streams.alarms, { alarm: 'mass node loss', subject: '', message: '2 of 3 nodes are silent' }],
  ['HoldReleased', streams.alarms, { reason: 'released by a person' }],
  ['AlarmCleared', streams.alarms, { alarm: 'mass node loss', subject: '' }],
  ['NodeReturned', worker, { ...node('worker-1'), inventory: [inventoryOf()] }, 1],
  ['NodeLost', worker, { ...lostNode, session: 31, lastHeardAt: null }, 1],
  ['NodeRemoved', worker, { node: 'worker-1' }],
  [
    'RequestRefused',
    streams.api,
    { method: 'PATCH', path: '/service/web', status: 404, code: 'service_unknown', detail: 'there is no service web' },
    1,
  ],
  ['ApiReadsRecorded', streams.apiReads, { calls: [callOf()] }, 1],
  ['HistoryPruned', streams.cluster, { throughSlot: 11, throughPosition: 11, commits: 2, events: 2 }],
  ['ControllerResigned', streams.controller, { term: 1, controllerId: 'manager-1' }, 1],
  ['NodeRegistered', worker, { ...node('worker-1'), instance: instanceOf(901) }, 2],
  ['NodeReturned', worker, { ...node('worker-1'), instance: instanceOf(902), inventory: [inventoryOf()] }, 2],
  [
    'RegistrationRefused',
    worker,
    { node: 'worker-1', registrationId: uuid(903), instance: instanceOf(904), hostname: 'host-2', session: 39 },
  ],
  [
    'TokenIssued',
    streams.tokens,
    { token: 'a'.repeat(12), name: 'ada', scopes: ['read', 'write'], expiresAt: atOf(900), hash: 'b'.repeat(64) },
  ],
  ['TokenRevoked', streams.tokens, { token: 'a'.repeat(12), name: 'ada' }],
  [
    'RequestRefused',
    streams.api,
    {
      ...{
        method: 'DELETE',
        path: '/service/web',
        status: 403,
        code: 'forbidden',
        detail: 'this token has no scope write',
      },
      ...{ address: '192.0.2.7', count: 12 },
    },
  ],
  [
    'ApiReadsRecorded',
    streams.apiReads,
    { calls: [{ ...callOf(), actor: 'unknown', status: 401, address: '192.0.2.7', count: 900 }] },
  ],
  [
    'ServiceRequested',
    web,
    { service: 'web', generation: 4, changed: true, replicas: 1, container: spec, specHash: specHash(spec) },
    1,
  ],
  queued(fourth, null),
  ['ContainerCompleted', on(fourth), { ...fourth, logTail: [], note: 'memory ran out inside' }],
  ['ServiceRemovalRequested', web, { service: 'web', generation: 5 }],
  ['ServiceRemoved', web, { service: 'web' }],
  ['TokenUsed', streams.tokens, { token: 'c'.repeat(12), name: 'join-1', node: 'worker-6' }],
  ['ClockCorrected', streams.cluster, { from: atOf(86_400), to: atOf(60) }],
  ['ServiceRequested', web, { ...requestOf(6, spec), update, restart }, 2],
  queued(fifth, null),
  ['ContainerRunning', on(fifth), { ...runningOf(fifth), isChecked: true }, 2],
  ['ContainerHealthy', on(fifth), fifth],
  ['ContainerUnhealthy', on(fifth), { ...fifth, output: 'GET / answered 503: down' }],
  ['ServiceRequested', web, { ...requestOf(7, checked), update, restart }, 2],
  ['RolloutStarted', web, { ...rollout, fromSpecHash: specHash(spec), specHash: specHash(checked) }],
  ['RolloutPaused', web, { ...rollout, why: 'failures', reason: 'it failed', container: fifth.container, failures: 2 }],
  ['RolloutResumed', web, { ...rollout, isPromoted: false }],
  ['RolloutFailed', web, { ...rollout, reason: 'person:ada aborted it', container: null, failures: 0 }],
  ['ServiceRequested', web, { ...requestOf(8, spec), rollbackTo: 6 }, 2],
  ['RolloutStarted', web, { ...back, fromSpecHash: specHash(checked), specHash: specHash(spec) }],
  ['RolloutCompleted', web, back],
  ['ContainerStopRequested', on(fifth), { ...fifth, reason: 'unhealthy', stopTimeoutSeconds: 10 }, 2],
  ['ContainerStopped', on(fifth), { ...fifth, exitCode: 0 }],
  ['ServiceRemovalRequested', web, { service: 'web', generation: 9 }],
  ['ServiceRemoved', web, { service: 'web' }],
  ['ServiceRequested', web, { ...requestOf(10, spec), restart }, 2],
  [
    'ServiceUnstable',
    web,
    {
      service: 'web',
      slot: 1,
      container: fifth.container,
      failures: 3,
      withinMs: 600_000,
      reason: 'exited: exit code 1',
    },
  ],
  ['ServiceStable', web, { service: 'web' }],
  ['ServiceRemovalRequested', web, { service: 'web', generation: 11 }],
  ['ServiceRemoved', web, { service: 'web' }],
  ['ControllerResigned', streams.controller, { term: 3, controllerId: 'manager-1', reason: 'no broker' }],
  [
    'EngineLost',
    worker,
    { node: 'worker-1', session: 3, message: 'Docker does not answer (ping)', deadline: atOf(60) },
  ],
  ['EngineReturned', worker, { node: 'worker-1', session: 3 }],
  ['NodeSilent', worker, { node: 'worker-1', session: 3, lastHeardAt: atOf(11), silentMs: 5_250 }],
  ['NodeHeard', worker, { node: 'worker-1', session: 3 }],
  ['NodeLost', worker, { node: 'worker-1', session: 3, lastHeardAt: atOf(11), silentMs: 200, reason: 'engine silent' }],
  ['NodeReturned', worker, { ...node('worker-1'), hostAccess: { binds: ['/srv'], devices: ['/dev/fuse'] } }],
  ['ServiceRequested', web, requestOf(12, withOptions), 3],
  ['ServiceRemovalRequested', web, { service: 'web', generation: 13 }],
  ['ServiceRemoved', web, { service: 'web' }],
  ['NodeLost', worker, { ...lostNode, session: 80, lastHeardAt: null }, 1],
  ['NodeRemoved', worker, { node: 'worker-1' }],
  [
    'NodeRegistered',
    worker,
    { ...node('worker-1'), instance: instanceOf(902), hostAccess: { binds: [], devices: ['/dev/snd'] } },
  ],
  [
    'RegistrationRefused',
    worker,
    { node: 'worker-1', registrationId: uuid(903), instance: instanceOf(904), hostname: 'host-2', session: 86 },
  ],
  ['ServiceRequested', web, { ...requestOf(14, spec), replicas: 0, mode: 'job', job }, 3],
  ['JobDue', web, dueOf(1, 14)],
  queued(sixth, null, 14),
  ['ContainerRunning', on(sixth), runningOf(sixth), 2],
  ['ContainerCompleted', on(sixth), { ...sixth, logTail: [] }],
  ['JobCompleted', web, { service: 'web', run: 1, completions: 1, seconds: 2 }],
  ['ServiceRequested', web, { ...requestOf(15, checked), replicas: 0, mode: 'job', job }, 3],
  ['JobDue', web, dueOf(2, 15)],
  queued(seventh, null, 15, checked),
  ['ContainerRunning', on(seventh), runningOf(seventh), 2],
  [
    'JobFailed',
    web,
    {
      ...{ service: 'web', run: 2, why: 'timed out', container: null, lastWords: ['migrating'] },
      reason: 'it took longer than 60 s: 0 of 1 containers had ended with 0',
    },
  ],
  ['ContainerStopRequested', on(seventh), { ...seventh, reason: 'job timed out', stopTimeoutSeconds: 10 }],
  ['ContainerStopped', on(seventh), { ...seventh, exitCode: 143 }],
  ['ServiceRemovalRequested', web, { service: 'web', generation: 16 }],
  ['ServiceRemoved', web, { service: 'web' }],
  ['ServiceRequested', web, { ...requestOf(17, spec), replicas: 0, mode: 'job', job, schedule }, 3],
  ['JobDue', web, { ...dueOf(1, 17), cause: 'schedule', dueAt: atOf(90), isReplacing: false }],
  ['JobSkipped', web, { service: 'web', dueAt: atOf(91), ticks: 2, why: 'overlap', run: 1 }],
  ['ServiceRemovalRequested', web, { service: 'web', generation: 18 }],
  ['ServiceRemoved', web, { service: 'web' }],
  ['ServiceRequested', web, { ...requestOf(19, spec), replicas: 0, mode: 'global' }, 3],
  ['ServiceRemovalRequested', web, { service: 'web', generation: 20 }],
  ['ServiceRemoved', web, { service: 'web' }],
  ['NodeReturned', worker, { ...node('worker-1'), instance: instanceOf(902), publicKey, inventory: [inventoryOf()] }],
  ['RegistryLoginSet', streams.registries, { ...login, version: 1, changed: true, passwordHash }],
  ['ServiceRequested', web, requestOf(21, pulled), 3],
  queued(eighth, null, 21, pulled),
  ['ImageResolved', streams.image('web', pulledPosition), { ...resolved, digest, reason: null }],
  ['ContainerRunning', on(eighth), { ...runningOf(eighth), imageDigest: digest }],
  ['RegistryLoginSet', streams.registries, { ...login, version: 1, changed: false, passwordHash }],
  ['RegistryLoginRemoved', streams.registries, { host: login.host, version: 1 }],
  ['ContainerStopRequested', on(eighth), { ...eighth, reason: 'service removed', stopTimeoutSeconds: 10 }],
  ['ContainerStopped', on(eighth), { ...eighth, exitCode: 0 }],
  ['ServiceRemovalRequested', web, { service: 'web', generation: 22 }],
  ['ServiceRemoved', web, { service: 'web' }],
  ['ServiceRequested', web, { ...requestOf(23, spec), placement, rebalance: { maxMoves: 1, cooldownSeconds: 60 } }, 3],
  [
    'ContainerQueued',
    on(ninth),
    {
      ...queuedData(ninth, null, 23, spec),
      candidates: [{ node: 'worker-1', replicasOfService: 0, containers: 0, domain: 'a' }],
    },
  ],
  ['ContainerRunning', on(ninth), runningOf(ninth)],
  [
    'RebalanceRequested',
    web,
    {
      ...{ service: 'web', slot: 1, container: ninth.container, node: 'worker-1', to: 'worker-2' },
      ...{ replicasFrom: 2, replicasTo: 0, coolUntil: atOf(200) },
    },
  ],
  ['ServiceBalanced', web, { service: 'web', moves: 1 }],
  ['NodeLabelsSet', worker, { node: 'worker-1', labels: [{ name: 'zone', value: 'b' }] }],
  ['ContainerStopRequested', on(ninth), { ...ninth, reason: 'constraint not met', stopTimeoutSeconds: 10 }],
  ['ContainerStopped', on(ninth), { ...ninth, exitCode: 0 }],
  ['ServiceRemovalRequested', web, { service: 'web', generation: 24 }],
  ['ServiceRemoved', web, { service: 'web' }],
  ['ExecStarted', streams.exec(eighth.container), { ...execOf(), command: ['sh', '-c', 'ps'], tty: true, stdin: true }],
  ['ExecEnded', streams.exec(eighth.container), { ...execOf(), exitCode: 0, seconds: 3, reason: null }],
  ['ServiceRequested', web, { ...requestOf(25, spec), onDisconnect: 'keep' }],
  queued(tenth, null, 25),
  ['ContainerRunning', on(tenth), runningOf(tenth)],
  ['ContainerFailed', on(tenth), { ...tenth, reason: 'exited', message: 'exit code 1', exitCode: 1, logTail: [] }],
  queued(eleventh, tenth.container, 25),
  ['ContainerRunning', on(eleventh), runningOf(eleventh)],
  ['ContainerStopRequested', on(eleventh), { ...eleventh, reason: 'service removed', stopTimeoutSeconds: 10 }],
  ['ContainerStopped', on(eleventh), { ...eleventh, exitCode: 0 }],
  ['ServiceRemovalRequested', web, { service: 'web', generation: 26 }],
  ['ServiceRemoved', web, { service: 'web' }],
];

/** As the log would store it today. */
export function exampleHistory(): GoldenLine[] {
  const versions = new Map<string, number>();
  return told.map(([type, stream, data, older], index) => {
    const position = index + 1;
    const { class: eventClass, schemaVersion: current } = catalog[type];
    const schemaVersion = older ?? current;
    const version = eventClass === 'telemetry' ? 0 : (versions.get(stream) ?? 0) + 1;
    if (version > 0) versions.set(stream, version);
    const eventId = uuid(position);
    const causationId = position > 4 ? uuid(4) : null;
    const meta = { eventId, actor: 'controller', requestId: null, correlationId: uuid(4), causationId };
    const event = { stream, version, type, schemaVersion, data, meta };
    return { position, at: atOf(position), event };
  });
}

function runningOf(ref: typeof first): EventData<'ContainerRunning'> {
  const ports = [{ container: 8080, host: 32768, protocol: 'tcp' as const }];
  return { ...ref, session: 3, engineContainerId: 'e'.repeat(64), startedAt: atOf(9), ports };
}

function pullOf({ container, node }: typeof first) {
  return { container, node, image: spec.image, at: atOf(8), currentBytes: 1024, totalBytes: 4096 };
}

function execOf() {
  const { container, service, node } = eighth;
  return { container, service, node };
}

function beat() {
  return { node: 'worker-1', session: 3, sequence: 1, at: atOf(11), containers: 1 };
}

function instanceOf(n: number) {
  return { id: uuid(n), pid: n, startedAt: atOf(37) };
}

function inventoryOf() {
  const { node: _, ...ref } = third;
  return { ...ref, specHash: specHash(spec), state: 'exited' as const, exitCode: 0 };
}

function callOf() {
  return {
    at: atOf(35),
    actor: 'person:operator',
    requestId: 'request-1',
    method: 'GET',
    path: '/state',
    status: 200,
    durationMs: 3,
  };
}
