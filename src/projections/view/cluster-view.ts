/**
 * The shape of the cluster as folded from the log: the one live state of a manager. Plain maps and objects,
 * changed only by evolve. Rows for people and for MongoDB are derived from it (services.ts, containers.ts, nodes.ts).
 */

import type { FilteredNodes } from '../../events/schema/catalog.ts';
import type { RolloutPauseReason } from '../../events/schema/rollout-facts.ts';
import type { ContainerState, FailureReason, StopReason } from '../../model/container.ts';
import type { Health } from '../../model/health.ts';
import type { AgentInstance, Availability, EngineDescription, NodeState } from '../../model/node.ts';
import type { ServicePolicy } from '../../model/policy.ts';
import type { ContainerSpec } from '../../model/service.ts';
import type { Scope } from '../../model/token.ts';
import type { ImageView, RegistryLoginView } from './image-view.ts';

/** The fact something follows from: what plan puts into causationId and container ids. */
export type Cause = { position: number; eventId: string; correlationId: string };

export type ContainerView = {
  id: string;
  service: string;
  slot: number;
  node: string;
  engineId: string;
  state: ContainerState;
  reason: FailureReason | StopReason | null;
  message: string | null;
  exitCode: number | null;
  logTail: readonly string[];
  generation: number;
  specHash: string;
  /** Shared with the service and its other containers; not part of a row. */
  spec: ContainerSpec;
  replaces: string | null;
  /** Of the image it was created from; null before it runs, and where it has none. */
  imageDigest: string | null;
  ports: readonly { container: number; host: number; protocol: 'tcp' | 'udp' }[];
  /** `unproven` unless it runs. */
  health: Health;
  /** It has a check: it serves when it is healthy, however long it has run. */
  isChecked: boolean;
  queueDeadlineMs: number;
  queuedAt: string;
  /** Position of its ContainerQueued: the order among the containers of a slot. */
  queuedPosition: number;
  runningAt: string | null;
  /** Time of the last transition. */
  since: string;
  /** Version of the container's stream. */
  version: number;
  /** The latest fact of its stream; for `in queue` and `stopping` also the cause of the command. */
  latest: Cause;
};

export type SlotView = {
  slot: number;
  /** Containers of the slot that are not terminal, oldest first. Usually one, two while it is being replaced. */
  containers: Set<string>;
  /** Consecutive failures of runs of one spec; 0 after a run that was stable, or a new spec. */
  failures: number;
  /** Hash of that spec; null while failures is 0. */
  failedSpec: string | null;
  /** Log times of the last failures, also of those before a run that was stable, oldest first, at most `failureTimesKept`. */
  failedAtMs: readonly number[];
  /** The last of them, in words; null while failures is 0. */
  lastFailure: { container: string; reason: FailureReason | 'completed'; message: string; at: string } | null;
  /** The last run that ended or became unhealthy: why the next one is needed. null before the first did. */
  lastEnded: { container: string; cause: Cause; at: string } | null;
  /** Hash of the spec whose run ended for good, by the restart policy; null: none did. */
  done: string | null;
  /** Restart waits until then; null when it does not wait. */
  delayedUntilMs: number | null;
};

/** A spec with the generation that requested it. */
export type SpecVersion = { generation: number; spec: ContainerSpec; specHash: string };

export type RolloutView = {
  state: 'in progress' | 'paused' | 'completed' | 'failed';
  from: number;
  to: number;
  /** Why it is paused; null unless it is. */
  pause: RolloutPauseReason | null;
  /** Why it does not go on, in a sentence; null while it does. */
  reason: string | null;
  /** Failed or unhealthy containers of its spec since it started or was resumed. */
  failures: number;
  /** The last of them. */
  lastFailure: { container: string; cause: Cause; message: string } | null;
  /** Its latest fact. */
  latest: Cause;
  /** It does not wait for its canaries any more. */
  isPromoted: boolean;
  /** When it started, was resumed, or a container of its spec last began to run or became healthy. */
  progressAtMs: number;
};

export type ServiceView = {
  name: string;
  replicas: number;
  generation: number;
  spec: ContainerSpec;
  specHash: string;
  policy: ServicePolicy;
  /** By spec hash, the last one requested last. */
  images: Map<string, ImageView>;
  /** The present spec is an earlier one, requested again by a rollback: it is not rolled back once more. */
  isRollback: boolean;
  /** From the first containers of an earlier spec that have to be replaced; null: nothing was rolled out yet. */
  rollout: RolloutView | null;
  /** What converged before the present spec: it runs on while the rollout of that is paused. null: nothing did. */
  previous: SpecVersion | null;
  /** What converged last: all replicas ran, those with a check healthy. */
  settled: (SpecVersion & { policy: ServicePolicy }) | null;
  /** Generation → when it converged, the last `convergedKept` of those that did. */
  converged: Map<number, string>;
  /** A slot that fails again and again, in words; null: none does. */
  unstable: { slot: number; failures: number; withinMs: number; reason: string } | null;
  /** Containers that serve once they have run for so long, while others wait for that: id → when. */
  proving: Map<string, number>;
  removing: boolean;
  createdAt: string;
  updatedAt: string;
  /** The fact that last changed the spec. */
  specEvent: Cause;
  /** Version of the service's stream. */
  version: number;
  /** By slot number; slots that have or had a container and are not surplus: a surplus slot leaves with its last one. */
  slots: Map<number, SlotView>;
  /** The last PlacementBlocked that still holds. */
  blocked: { missing: number; filtered: FilteredNodes; since: string } | null;
  /** Containers by node, of this service, not terminal: the spread. */
  perNode: Map<string, number>;
  /** How many containers are not terminal. */
  live: number;
  /** How many are in state running. */
  running: number;
  /** How many of those are of the present spec. */
  runningCurrent: number;
  /** The last fact that changed what is said about the service, its containers' facts included. */
  position: number;
};

export type NodeView = {
  id: string;
  state: NodeState;
  availability: Availability;
  engine: EngineDescription;
  hostname: string;
  agentVersion: string;
  labels: readonly { name: string; value: string }[];
  /** Position of its NodeRegistered or NodeReturned. */
  session: number;
  /** Whose session it is; null when its agent did not say. */
  instance: AgentInstance | null;
  /** What is sealed for its agent opens with; null: it did not say. */
  publicKey: string | null;
  /** Other instances that asked for the node since this one has it, the last to ask last, at most `refusalsKept`. */
  refusals: readonly { instance: AgentInstance; hostname: string; at: string }[];
  /** The last times it was registered again while ready, oldest first, at most `takeoversKept`: see plan-conflicts.ts. */
  takeovers: readonly { registrationId: string; hostname: string; at: string }[];
  /** Spec hashes of the last containers it failed to start, without a start after them. */
  startErrors: readonly string[];
  /** It fails to start what others start; the message is the engine's own. null: it does not. */
  suspect: { since: string; message: string } | null;
  /** The latest fact of its stream. */
  latest: Cause;
  /** Version of the node's stream. */
  version: number;
  since: string;
  /** Containers placed on it that are not terminal. */
  containers: Set<string>;
  /** The last fact that changed what is said about the node, placements on it included. */
  position: number;
  /** From telemetry: shown, never compared by verify. */
  lastHeardAt: string | null;
};

/** So many within a minute are no accident: an agent registers again when it, its engine or its broker was away. */
export const takeoversKept = 4;

/** More agents than this under one node id are forgotten the first. */
export const refusalsKept = 4;

/** As many as say that a slot is unstable. */
export const failureTimesKept = 3;

/** A service of more changes forgets the oldest. */
export const convergedKept = 1_000;

/** What several nodes share. */
export type EngineView = {
  engineId: string;
  /** Its nodes that are not lost describe it differently: they cannot all be on it. */
  isDisputed: boolean;
  /** Nodes of it. It leaves the view when the last is removed and no container holds anything of it. */
  nodes: Set<string>;
  /** Containers on it that are not terminal. */
  containers: number;
  /** Reserved by containers that are not terminal. */
  memoryReservedBytes: number;
  cpuReservedMillis: number;
  /** `80/tcp` → container that holds the host port. */
  hostPorts: Map<string, string>;
};

/** Its text is known to its owner alone; `hash` is the SHA-256 (hex) of it. */
export type TokenView = {
  id: string;
  name: string;
  scopes: readonly Scope[];
  hash: string;
  issuedAt: string;
  /** Actor. */
  issuedBy: string;
  expiresAt: string | null;
};

export type AlarmView = { alarm: string; subject: string; message: string; since: string };

export type ClusterView = {
  /** Of the last event folded, telemetry and pruned commits included. */
  position: number;
  /** Of the last fact folded: what bodies and ETags carry. */
  factPosition: number;
  /** Time of the last commit folded. */
  at: string;
  /** Time of the last fact folded. */
  factAt: string;
  cluster: { id: string; name: string; createdAt: string } | null;
  services: Map<string, ServiceView>;
  /** Also ended ones, until an hour of log time after their end. */
  containers: Map<string, ContainerView>;
  nodes: Map<string, NodeView>;
  /** Streams go on after their subject is gone: their versions, for a subject that comes back under the same name. */
  removedServices: Map<string, { version: number; generation: number }>;
  removedNodes: Map<string, { version: number }>;
  engines: Map<string, EngineView>;
  /** Ids of ended containers in the order of their end: what leaves the view is at the front. */
  ended: Set<string>;
  /** When the first of `ended` leaves the view; null when there is none. */
  nextExpiryMs: number | null;
  /** Containers `in queue`, oldest first: whose deadline may pass. */
  queued: Set<string>;
  /** Slots that wait for a restart: `service` → slots. */
  delayed: Map<string, Set<number>>;
  /** Services with PlacementBlocked: looked at again whenever capacity changes. */
  blocked: Set<string>;
  /** Services at which the planner has to look again by time: a rollout in progress, or containers that prove themselves. */
  rolling: Set<string>;
  controller: { term: number; controllerId: string; resigned: boolean; version: number };
  /** `partial`: so many nodes are silent together that none is declared lost and nothing is moved. */
  disruption: 'none' | 'partial';
  /** `alarm subject` → alarm. */
  alarms: Map<string, AlarmView>;
  /** By id: those that were not revoked. An expired one leaves when the next is issued. */
  tokens: Map<string, TokenView>;
  /** Version of the stream of tokens. */
  tokensVersion: number;
  /** By host. */
  registryLogins: Map<string, RegistryLoginView>;
  /** Version of their stream, and the highest one of a login. */
  registriesVersion: number;
  registryLoginVersion: number;
  /** Pulls in progress, from telemetry. */
  pulls: Map<string, { currentBytes: number; totalBytes: number }>;
};

export function emptyClusterView(): ClusterView {
  return {
    position: 0,
    factPosition: 0,
    at: '1970-01-01T00:00:00.000Z',
    factAt: '1970-01-01T00:00:00.000Z',
    cluster: null,
    services: new Map(),
    containers: new Map(),
    nodes: new Map(),
    removedServices: new Map(),
    removedNodes: new Map(),
    engines: new Map(),
    ended: new Set(),
    nextExpiryMs: null,
    queued: new Set(),
    delayed: new Map(),
    blocked: new Set(),
    rolling: new Set(),
    controller: { term: 0, controllerId: '', resigned: false, version: 0 },
    disruption: 'none',
    alarms: new Map(),
    tokens: new Map(),
    tokensVersion: 0,
    ...{ registryLogins: new Map(), registriesVersion: 0, registryLoginVersion: 0 },
    pulls: new Map(),
  };
}
