/** Describes services, nodes and containers as answers show them. */

import { Type } from '@sinclair/typebox';
import { containerStates, FailureReason, StopReason } from '../../model/container.ts';
import { healths } from '../../model/health.ts';
import { serviceModes } from '../../model/job.ts';
import { rolloutStates, serviceStatuses } from '../../model/status-charts.ts';
import type { RunRow } from '../../projections/rows/job-status.ts';
import type { RolloutRow } from '../../projections/rows/service-row.ts';
import { count, head, named, nullable, oneOf, position, ref, sentence, time } from './schema.ts';

/** The literals of a union, in its order. */
const literalsOf = ({ anyOf }: { anyOf: readonly { const: string }[] }) => anyOf.map((literal) => literal.const);

const nodeStates = ['ready', 'lost'] as const;
const availabilities = ['active', 'cordoned', 'draining'] as const;
export const engineKinds = ['docker', 'simulated'] as const;

export const Rollout = named('Rollout', {
  state: oneOf(rolloutStates),
  from: Type.Integer({ minimum: 1, description: 'generation that is replaced' }),
  to: Type.Integer({ minimum: 1, description: 'generation that replaces it' }),
  updated: Type.Integer({ minimum: 0, description: 'running containers of the new spec' }),
  healthy: Type.Integer({ minimum: 0, description: 'those of them that are healthy or have no check' }),
  failed: Type.Integer({ minimum: 0, description: 'containers that failed since it started or was resumed' }),
  reason: nullable(Type.String(), 'why it does not go on, as a sentence'),
});

export const Run = named('Run', {
  run: Type.Integer({ minimum: 1, description: 'counts the runs of the service' }),
  cause: oneOf(['requested', 'schedule', 'missed'], 'what asked for it'),
  generation: Type.Integer({ minimum: 1 }),
  dueAt: time,
  beganAt: time,
  endedAt: nullable(time, 'null while it goes on'),
  outcome: oneOf(['running', 'completed', 'failed', 'replaced']),
  succeeded: Type.Integer({ minimum: 0, description: 'containers that ended with 0' }),
  completions: Type.Integer({ minimum: 1, description: 'how many have to' }),
  reason: nullable(Type.String(), 'why it failed, as a sentence'),
  container: nullable(Type.String(), 'the one that failed last, where that ended the run'),
});

const service = {
  serviceName: Type.String(),
  mode: oneOf(serviceModes),
  replicas: Type.Integer({ minimum: 0, description: 'how many containers there should be now' }),
  running: Type.Integer({ minimum: 0, description: 'how many there are' }),
  unknown: Type.Integer({ minimum: 0, description: 'how many are on nodes that are silent, or whose engines are' }),
  generation: Type.Integer({ minimum: 1, description: 'counts the accepted changes of the spec' }),
  status: oneOf(serviceStatuses),
  reason: nullable(Type.String(), 'why it is neither converged nor completed, as a sentence; null when it is'),
  image: Type.String(),
  imageDigest: nullable(Type.String(), 'what the image means to this spec: all its containers run it'),
  imageDigestReason: nullable(Type.String(), 'why there is none, as a sentence; null when there is one'),
  rollout: nullable(ref<RolloutRow>(Rollout), 'the last replacement of its containers by those of another spec'),
  updatedAt: time,
  createdAt: time,
  specHash: Type.String(),
};
const restarts = Type.Integer({
  minimum: 0,
  description: 'runs that ended by themselves or became unhealthy, in the last hour of log time',
});
const SlotRestarts = Type.Object({ slot: Type.Integer({ minimum: 1 }), restarts }, { additionalProperties: false });
const restartMembers = {
  restartsLastHour: restarts,
  worstSlot: nullable(SlotRestarts, 'the slot with most of them; null when there are none'),
};
export const ServiceRow = named('ServiceRow', { ...service, ...restartMembers, position });
export const serviceMembers = {
  ...head,
  ...service,
  ...restartMembers,
  slotRestarts: Type.Array(SlotRestarts, { description: 'the slots that restarted in the last hour, by number' }),
};
export const runsMember = nullable(
  Type.Array(ref<RunRow>(Run)),
  'the last runs of a job, newest first; null unless it is one',
);

const AgentInstance = Type.Object({ id: Type.String(), pid: count, startedAt: time }, { additionalProperties: false });
const paths = Type.Array(Type.String());
const HostAccess = Type.Object(
  { binds: paths, devices: paths },
  { additionalProperties: false, description: 'what of the machine containers may use, as its owner allows' },
);
const Label = Type.Object({ name: Type.String(), value: Type.String() }, { additionalProperties: false });

const node = {
  node: Type.String(),
  state: oneOf(nodeStates),
  availability: oneOf(availabilities),
  engine: oneOf(engineKinds),
  engineId: Type.String({ description: 'nodes with the same one share ports, memory and CPUs' }),
  engineVersion: Type.String(),
  memoryBytes: count,
  cpuMillis: count,
  hostname: Type.String(),
  agentVersion: Type.String(),
  labels: Type.Array(Label),
  session: Type.Integer({ minimum: 0, description: 'the position of its registration' }),
  hostAccess: HostAccess,
  instance: nullable(AgentInstance, 'the start of the agent that has the session'),
  containers: Type.Integer({ minimum: 0, description: 'how many of it have not ended' }),
  reason: nullable(Type.String(), 'why it is not used, as a sentence; null when it is'),
  suspect: nullable(
    Type.Object({ since: time, message: Type.String() }, { additionalProperties: false }),
    'it failed to start what others start: containers are placed there last',
  ),
  since: time,
  lastHeardAt: nullable(time, 'of its last heartbeat'),
};
export const NodeRow = named('NodeRow', { ...node, position });
export const OneNode = named('Node', { ...head, ...node });

const Pull = Type.Object({ currentBytes: count, totalBytes: count }, { additionalProperties: false });
const PublishedPort = Type.Object(
  { container: Type.Integer(), host: Type.Integer(), protocol: oneOf(['tcp', 'udp']) },
  { additionalProperties: false },
);

const container = {
  container: Type.String(),
  service: Type.String(),
  slot: Type.Integer({ minimum: 1 }),
  node: Type.String(),
  state: oneOf(containerStates),
  reason: nullable(
    // Both lists know `unhealthy`.
    oneOf([...new Set([...literalsOf(FailureReason), ...literalsOf(StopReason)])]),
    'why it failed or was stopped',
  ),
  message: nullable(Type.String(), 'the reason in words'),
  exitCode: nullable(Type.Integer()),
  health: nullable(oneOf(healths), 'of its check; null when it has none or does not run'),
  image: Type.String(),
  imageDigest: nullable(Type.String(), 'of what it runs; null before it runs, or when its image has none'),
  generation: Type.Integer({ minimum: 1 }),
  since: time,
  replaces: nullable(Type.String(), 'the container whose slot it has'),
  ports: Type.Array(PublishedPort, { description: 'host ports as the engine published them' }),
  unknownSince: nullable(
    time,
    'since when its node or the engine there is silent: the state is the last that was heard',
  ),
  pull: nullable(Pull, 'how far the pull of its image is'),
};
export const ContainerRow = named('ContainerRow', { ...container, position });
export const OneContainer = named('Container', { ...head, ...container });

export const Alarm = named('Alarm', { alarm: Type.String(), subject: Type.String(), message: sentence, since: time });
