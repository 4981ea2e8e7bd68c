/** The messages between managers and agents. Each carries the cluster's id, and one of another cluster is dead-lettered. */

import { type Static, Type } from '@sinclair/typebox';
import { ContainerStateSchema } from '../model/container.ts';
import { HostAccess } from '../model/host-access.ts';
import { ContainerId, IsoTime, NodeId, ServiceName, Uuid } from '../model/ids.ts';
import { ImageDigest } from '../model/image.ts';
import { AgentInstance, EngineDescription, InventoryItem } from '../model/node.ts';
import { onDisconnectRules, RestartPolicy } from '../model/policy.ts';
import { PublicKey, RegistryHost } from '../model/registry.ts';
import { ContainerSpec, SpecHash } from '../model/service.ts';
import {
  CompletedReport,
  FailedReport,
  HealthyReport,
  ImageReport,
  PullProgressReport,
  RestartedReport,
  RunningReport,
  StaleRemovedReport,
  StartingReport,
  StoppedReport,
  UnhealthyReport,
} from './container-reports.ts';
import { nullable, object, Position, reportHead, text } from './message-members.ts';

/** What an agent needs to run a container. */
const Run = {
  container: ContainerId,
  service: ServiceName,
  slot: Type.Integer({ minimum: 1 }),
  generation: Type.Integer({ minimum: 1 }),
  specHash: SpecHash,
  /**
   * What its image means. null: no node has resolved it yet; the agent says what it has, and waits for the answer. Absent:
   * nothing to say, the image is taken as it is named.
   */
  digest: Type.Optional(nullable(ImageDigest)),
  /** Failures of its slot in a row before it. Absent: none. */
  failures: Type.Optional(Type.Integer({ minimum: 1 })),
};

const restartRuleMembers = {
  policy: RestartPolicy,
  onDisconnect: Type.Union(onDisconnectRules.map((rule) => Type.Literal(rule))),
};
/** By which an agent that is alone restarts what ends. Absent: it restarts nothing. */
export const RestartRule = object(restartRuleMembers);
export type RestartRule = Static<typeof RestartRule>;

/** Opens with the key of the agent's registration, for its session and this host and version. null: it cannot be read. */
const SealedLogin = object({
  host: RegistryHost,
  version: Type.Integer({ minimum: 1 }),
  sealed: nullable(text(16_384)),
});
export type SealedLogin = Static<typeof SealedLogin>;

/** At the registries of the images that the command names, where there are any. */
const logins = Type.Optional(Type.Array(SealedLogin));

/**
 * Fencing: `session` is the node's registration the command is meant for, `position` that of the fact behind it.
 * An agent drops commands of another session, and per container any at or below the last position it applied.
 */
const commandHead = {
  clusterId: Uuid,
  node: NodeId,
  session: Position,
  position: Position,
  /** eventId of the fact behind the command; reports echo it as their causationId. */
  causationId: Type.String({ maxLength: 64 }),
};

export const StartCommand = object({
  kind: Type.Literal('start'),
  ...commandHead,
  ...Run,
  spec: ContainerSpec,
  restart: Type.Optional(RestartRule),
  logins,
});
export const StopCommand = object({
  kind: Type.Literal('stop'),
  ...commandHead,
  container: ContainerId,
  stopTimeoutSeconds: Type.Integer({ minimum: 0 }),
});
/** The container is terminal or unknown in the log: remove it, report it as stale. */
export const RemoveCommand = object({ kind: Type.Literal('remove'), ...commandHead, container: ContainerId });

/** All desired containers of the node as of `position`: the answer to a registration, and a new leader's first command. */
export const WantedCommand = object({
  kind: Type.Literal('wanted'),
  ...commandHead,
  /**
   * The registration that began the session, so that the set of a new leader also answers one that was recorded before
   * its term. null: from a manager of an earlier version. A registration repeated under the same id makes a new session
   * each time: the highest session counts.
   */
  registrationId: nullable(Uuid),
  containers: Type.Array(
    object({
      ...Run,
      /** Not terminal. `in queue`: start it. Beyond that: adopt it, or report that it ended. `stopping`: stop it. */
      state: ContainerStateSchema,
      causationId: Type.String({ maxLength: 64 }),
    }),
  ),
  /** Each that `containers` name by its hash, once: replicas share theirs, and a large spec times replicas fits no message. */
  specs: Type.Array(object({ specHash: SpecHash, spec: ContainerSpec })),
  /** Of each service whose containers may be restarted by an agent that is alone. */
  restarts: Type.Optional(Type.Array(object({ service: ServiceName, ...restartRuleMembers }))),
  /** A node that is not heard for so long counts as lost. Absent: the agent cannot know how long it does not. */
  nodeTimeoutMs: Type.Optional(Type.Integer({ minimum: 1 })),
  logins,
});
/** Answers the report of an image: what all containers of the spec run. null: it has no digest. Not fenced: it is so for ever. */
const ImageCommand = object({
  kind: Type.Literal('image'),
  clusterId: Uuid,
  node: NodeId,
  container: ContainerId,
  digest: nullable(ImageDigest),
});
/**
 * The manager does not know this session (any more): register again. Not fenced by session. Of several agents of a node
 * only the one whose heartbeat it was is meant, when it said who it is.
 */
const ResyncCommand = object({
  kind: Type.Literal('resync'),
  clusterId: Uuid,
  node: NodeId,
  instanceId: Type.Optional(Uuid),
});
/**
 * To an instance that registers for a node which another instance seems to have. Sent through the node's queue, which has
 * one active consumer: the instance gets it only when the other one's connection is gone. It then registers at once, with
 * `readsQueue`. Not fenced.
 */
export const ChallengeCommand = object({
  kind: Type.Literal('challenge'),
  clusterId: Uuid,
  node: NodeId,
  instanceId: Uuid,
  hostname: text(255),
});

/**
 * The sender cannot reach the log: what ends meanwhile is the agent's to restart, for so long from now on. Not fenced: the
 * sender may be the only one that cannot, so the log decides about each restart when it hears of it.
 */
const AloneCommand = object({
  kind: Type.Literal('alone'),
  clusterId: Uuid,
  node: NodeId,
  leaseMs: Type.Integer({ minimum: 1, maximum: 60_000 }),
});

export const Command = Type.Union([
  StartCommand,
  StopCommand,
  RemoveCommand,
  WantedCommand,
  ImageCommand,
  ResyncCommand,
  ChallengeCommand,
  AloneCommand,
]);
export type Command = Static<typeof Command>;
export type StartCommand = Static<typeof StartCommand>;
export type StopCommand = Static<typeof StopCommand>;
export type RemoveCommand = Static<typeof RemoveCommand>;
export type WantedCommand = Static<typeof WantedCommand>;
export type ChallengeCommand = Static<typeof ChallengeCommand>;
export type WantedContainer = WantedCommand['containers'][number];

/** To one instance alone, through its own queue: another instance has the node and is alive. */
export const Refusal = object({
  clusterId: Uuid,
  node: NodeId,
  instanceId: Uuid,
  registrationId: Uuid,
  holder: object({ hostname: text(255), instance: AgentInstance }),
});
export type Refusal = Static<typeof Refusal>;

export const RegisterReport = object({
  kind: Type.Literal('register'),
  ...reportHead,
  registrationId: Uuid,
  instance: Type.Optional(AgentInstance),
  /** What is sealed for it opens with the key that this process has. */
  publicKey: Type.Optional(PublicKey),
  /** A challenge to this instance has just come through the node's queue: no other instance consumes it. */
  readsQueue: Type.Optional(Type.Boolean()),
  /** Absent: nothing. */
  hostAccess: Type.Optional(HostAccess),
  engine: EngineDescription,
  hostname: text(255),
  agentVersion: text(64),
  labels: Type.Array(object({ name: text(63), value: text(255) })),
  inventory: Type.Array(InventoryItem),
});
export type RegisterReport = Static<typeof RegisterReport>;

/** The engine does not answer; the node stays in contact. */
const EngineLostReport = object({
  kind: Type.Literal('engine-lost'),
  ...reportHead,
  session: Position,
  message: text(1024),
  /** From now on: its containers count as lost then. */
  timeoutMs: Type.Integer({ minimum: 0 }),
});
const EngineReturnedReport = object({ kind: Type.Literal('engine-returned'), ...reportHead, session: Position });

export const Report = Type.Union([
  RegisterReport,
  EngineLostReport,
  EngineReturnedReport,
  StartingReport,
  ImageReport,
  RunningReport,
  HealthyReport,
  UnhealthyReport,
  FailedReport,
  StoppedReport,
  CompletedReport,
  StaleRemovedReport,
  RestartedReport,
  PullProgressReport,
]);
export type Report = Static<typeof Report>;
type ReportKind = Report['kind'];
export type EngineReport = Static<typeof EngineLostReport> | Static<typeof EngineReturnedReport>;
export type ContainerReport = Exclude<Report, RegisterReport | EngineReport>;
export type ReportOf<K extends ReportKind> = Extract<Report, { kind: K }>;

export const Heartbeat = object({
  clusterId: Uuid,
  node: NodeId,
  session: Position,
  instanceId: Type.Optional(Uuid),
  /** 1,2,3… within a session. */
  sequence: Type.Integer({ minimum: 1 }),
  sentAt: IsoTime,
  /** Containers of this node running on its engine. */
  containers: Type.Integer({ minimum: 0 }),
});
export type Heartbeat = Static<typeof Heartbeat>;
