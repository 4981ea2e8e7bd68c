/**
 * Every event type: its schema, its schema version and its retention class. Nothing enters the log that is not
 * in this catalogue. A changed shape is a new schema version with an upcaster, never an edit of an old one.
 */

import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { FailureReason, LogTail, StopReason } from '../../model/container.ts';
import { HealthOutput } from '../../model/health.ts';
import { ContainerId, IsoTime, NodeId, ServiceName, Uuid } from '../../model/ids.ts';
import { ImageDigest } from '../../model/image.ts';
import { AgentInstance } from '../../model/node.ts';
import { servicePolicyMembers } from '../../model/policy.ts';
import { ContainerSpec, Protocol, Replicas, SpecHash } from '../../model/service.ts';
import { accessFacts } from './access-facts.ts';
import { controllerFacts } from './controller-facts.ts';
import { imageFacts } from './image-facts.ts';
import { jobFacts } from './job-facts.ts';
import { nodeFacts } from './node-facts.ts';
import { placementFacts } from './placement-facts.ts';
import { Registration } from './registration.ts';
import { rolloutFacts } from './rollout-facts.ts';
import { streamFacts } from './stream-facts.ts';

const strict = { additionalProperties: false } as const;
const object = <T extends Record<string, TSchema>>(members: T) => Type.Object(members, strict);
const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const text = (maxLength: number) => Type.String({ maxLength });
const count = Type.Integer({ minimum: 0 });
const Position = Type.Integer({ minimum: 1 });
const Generation = Type.Integer({ minimum: 1 });

/** Facts stay small: at most this many candidates and names per filter in a placement fact. */
export const explanationNamesMax = 5;

/** Why nodes were not chosen: one entry a filter. */
export const FilteredNodes = Type.Array(
  object({
    filter: text(40),
    /** A sentence, e.g. "host port 80/tcp is taken". */
    reason: text(200),
    count,
    nodes: Type.Array(NodeId, { maxItems: explanationNamesMax }),
  }),
);
export type FilteredNodes = Static<typeof FilteredNodes>;

/**
 * Best first. Lower is better: replicas of the service in its domain, where they are spread over one; then on the node, then
 * containers on the node. Where nodes are packed the fullest comes first.
 */
export const Candidates = Type.Array(
  object({
    node: NodeId,
    replicasOfService: count,
    containers: count,
    /** The value of what replicas are spread over. Not in version 1. */
    domain: Type.Optional(text(255)),
    /** Of its engine's memory or CPUs, in percent, whole. Not in version 1. */
    usedPercent: Type.Optional(count),
  }),
  { maxItems: explanationNamesMax },
);
export type Candidates = Static<typeof Candidates>;

const ContainerRef = { container: ContainerId, service: ServiceName, slot: Type.Integer({ minimum: 1 }), node: NodeId };

/** Of a refused call; not in version 1. */
const Attempt = {
  /** Of the machine that made it. */
  address: Type.Optional(text(64)),
  /** Under a flood: how many like it this one stands for. Absent: one. */
  count: Type.Optional(Type.Integer({ minimum: 2 })),
};

const NodeRef = object({ node: NodeId });

const fact = <S extends TSchema>(schema: S, schemaVersion = 1) => ({ class: 'fact' as const, schema, schemaVersion });
const telemetry = <S extends TSchema>(schema: S, schemaVersion = 1) => ({
  class: 'telemetry' as const,
  schema,
  schemaVersion,
});

export const catalog = {
  /**
   * The log's time was ahead of the world's. Its commit is the only one whose time may be before that of the one before it: `to`, and
   * not `from`; positions go on.
   */
  ClockCorrected: fact(object({ from: IsoTime, to: IsoTime })),

  ClusterCreated: fact(object({ clusterId: Uuid, name: ServiceName })),

  /**
   * The whole spec. `changed: false` records a request that asked for what already was. `container.pull` and
   * `container.pausedGraceSeconds` are new in version 3, `onDisconnect` in version 4.
   */
  ServiceRequested: fact(
    object({
      service: ServiceName,
      generation: Generation,
      changed: Type.Boolean(),
      replicas: Replicas,
      /** Without options before version 3. */
      container: ContainerSpec,
      specHash: SpecHash,
      /** Not in version 1; mode, job and schedule not in version 2. */
      ...servicePolicyMembers,
      /** The generation whose spec it is again. Not in version 1. */
      rollbackTo: Type.Optional(Type.Integer({ minimum: 1 })),
    }),
    4,
  ),
  ServiceScaled: fact(object({ service: ServiceName, generation: Generation, from: Replicas, replicas: Replicas })),
  ServiceRemovalRequested: fact(object({ service: ServiceName, generation: Generation })),
  /** The last container is gone. */
  ServiceRemoved: fact(object({ service: ServiceName })),

  ContainerQueued: fact(
    object({
      ...ContainerRef,
      session: Position,
      engineId: text(128),
      generation: Generation,
      specHash: SpecHash,
      image: text(512),
      replaces: nullable(ContainerId),
      /** After this time without the agent taking it: failed (queue timeout). */
      queueDeadline: IsoTime,
      candidates: Candidates,
      filtered: FilteredNodes,
    }),
    2,
  ),
  /** On the service's stream; written only when the reasons change. */
  PlacementBlocked: fact(
    object({
      service: ServiceName,
      slots: Type.Array(Type.Integer({ minimum: 1 }), { maxItems: 5 }),
      missing: count,
      filtered: FilteredNodes,
    }),
  ),
  ContainerStarting: fact(object({ ...ContainerRef, session: Position })),
  ContainerRunning: fact(
    object({
      ...ContainerRef,
      session: Position,
      engineContainerId: text(128),
      startedAt: IsoTime,
      ports: Type.Array(object({ container: Type.Integer(), host: Type.Integer(), protocol: Protocol })),
      /** It has a check of its health, be it its image's. Not in version 1. */
      isChecked: Type.Optional(Type.Boolean()),
      /** Of the image it was created from, where it was named by one. Not before version 3. */
      imageDigest: Type.Optional(ImageDigest),
    }),
    3,
  ),
  ContainerHealthy: fact(object(ContainerRef)),
  ContainerUnhealthy: fact(object({ ...ContainerRef, output: HealthOutput })),
  ContainerFailed: fact(
    object({
      ...ContainerRef,
      reason: FailureReason,
      /** A sentence for operators: the engine's or the registry's own words where there are any. */
      message: text(2048),
      exitCode: nullable(Type.Integer()),
      logTail: LogTail,
    }),
  ),
  /** Version 1 had no reason `unhealthy`, version 2 none of jobs. */
  ContainerStopRequested: fact(object({ ...ContainerRef, reason: StopReason, stopTimeoutSeconds: count }), 3),
  ContainerStopped: fact(object({ ...ContainerRef, exitCode: nullable(Type.Integer()) })),
  ContainerCompleted: fact(
    object({
      ...ContainerRef,
      logTail: LogTail,
      /** What is worth knowing of a run that ended well. Not in version 1. */
      note: Type.Optional(text(200)),
    }),
    2,
  ),
  ...rolloutFacts,
  ...jobFacts,
  ...imageFacts,
  ...streamFacts,
  /** On the service's stream: the slot's next container waits. */
  RestartDelayed: fact(
    object({
      service: ServiceName,
      slot: Type.Integer({ minimum: 1 }),
      /** The run that ended. */
      container: ContainerId,
      /** Consecutive failures of the slot, from the log. */
      failures: count,
      delayMs: count,
      until: IsoTime,
    }),
  ),
  /** On the node's stream: the engine held a container beyond the wanted set; it is gone. Never a second terminal event. */
  StaleContainerRemoved: fact(object({ node: NodeId, container: ContainerId, reason: text(200) })),

  /** The event's own position is the node's session. */
  NodeRegistered: fact(Registration, 3),
  NodeReturned: fact(Registration, 3),
  /** On the node's stream: another instance asked for the node while its holder was heard. Said again while it insists. */
  RegistrationRefused: fact(
    object({
      node: NodeId,
      registrationId: Uuid,
      instance: AgentInstance,
      hostname: text(255),
      /** Of the holder. */
      session: Position,
    }),
  ),
  ...nodeFacts,
  ...placementFacts,
  NodeCordoned: fact(NodeRef),
  NodeDrainRequested: fact(NodeRef),
  NodeActivated: fact(NodeRef),
  NodeRemoved: fact(NodeRef),

  ...controllerFacts,

  /** `alarm` is a stable code; `subject` what it is about (a node, a stream, or ""). */
  AlarmRaised: fact(object({ alarm: text(64), subject: text(255), message: text(1024) })),
  AlarmCleared: fact(object({ alarm: text(64), subject: text(255) })),
  /** Rescheduling after a loss of many nodes goes on: released by an operator, or because the nodes are back. */
  HoldReleased: fact(object({ reason: text(200) })),

  ...accessFacts,

  /** A refused call of a known caller. Refusals before authentication are telemetry: see ApiReadsRecorded. */
  RequestRefused: fact(
    object({
      method: text(10),
      path: text(512),
      status: Type.Integer(),
      code: text(64),
      detail: text(1024),
      ...Attempt,
    }),
    2,
  ),
  HistoryPruned: fact(object({ throughSlot: count, throughPosition: count, commits: count, events: count })),

  HeartbeatsReceived: telemetry(
    object({
      heartbeats: Type.Array(
        object({ node: NodeId, session: Position, sequence: count, at: IsoTime, containers: count }),
      ),
    }),
  ),
  ApiReadsRecorded: telemetry(
    object({
      calls: Type.Array(
        object({
          at: IsoTime,
          actor: text(128),
          requestId: text(64),
          method: text(10),
          path: text(512),
          status: Type.Integer(),
          durationMs: count,
          ...Attempt,
        }),
      ),
    }),
    2,
  ),
  PullProgressReported: telemetry(
    object({
      pulls: Type.Array(
        object({
          container: ContainerId,
          node: NodeId,
          image: text(512),
          at: IsoTime,
          currentBytes: count,
          totalBytes: count,
        }),
      ),
    }),
  ),
} as const;

export type Catalog = typeof catalog;
export type EventType = keyof Catalog;
export type EventData<T extends EventType> = Static<Catalog[T]['schema']>;
export type EventClass = 'fact' | 'telemetry';

export function isEventType(type: string): type is EventType {
  return Object.hasOwn(catalog, type);
}
