/**
 * The shape of the cluster as folded from the log: the one live state of a manager. Plain maps and objects,
 * changed only by evolve. Rows for people and for MongoDB are derived from it (services.ts, containers.ts, nodes.ts).
 */

import type { FilteredNodes } from '../../events/schema/catalog.ts';
import type { JobFailureReason, RunCause } from '../../events/schema/job-facts.ts';
import type { NodeLossReason } from '../../events/schema/node-facts.ts';
import type { ContainerState, FailureReason, StopReason } from '../../model/container.ts';
import type { Health } from '../../model/health.ts';
import type { HostAccess } from '../../model/host-access.ts';
import type { AgentInstance, Availability, EngineDescription, NodeLabels, NodeState } from '../../model/node.ts';
import type { ServicePolicy } from '../../model/policy.ts';
import type { ContainerSpec } from '../../model/service.ts';
import type { Cause } from './cause.ts';
import type { EngineView } from './engine-view.ts';
import type { ImageView, RegistryLoginView } from './image-view.ts';
import type { RolloutView } from './rollout-view.ts';
import type { SlotView } from './slot-view.ts';
import type { TokenView } from './token-view.ts';

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
  /** It is to move to another node, for the balance of its service; null: it is not. */
  move: Cause | null;
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

/** A spec with the generation that requested it. */
export type SpecVersion = { generation: number; spec: ContainerSpec; specHash: string };

/** One run of a job. */
export type RunView = {
  run: number;
  cause: RunCause;
  generation: number;
  dueAt: string;
  /** Log time, in milliseconds: a corrected clock leaves it as long ago as it was. */
  beganAtMs: number;
  /** Its containers have the slots from this one on, one for each completion. */
  firstSlot: number;
  completions: number;
  /** Slots whose container ended with 0. */
  succeeded: number;
  state: 'running' | 'completed' | 'failed' | 'replaced';
  /** Why it failed; null unless it did. */
  failure: { why: JobFailureReason; reason: string; container: string | null } | null;
  endedAt: string | null;
  /** Its JobDue. */
  due: Cause;
  /** Its end, or what replaced it; null while it goes on. */
  end: Cause | null;
};

export type JobView = {
  /** What asked for a run that has not begun; null: nothing does. */
  requested: Cause | null;
  /** Oldest first: the last `runsKept`. */
  runs: RunView[];
  /** Log time: ticks of the schedule up to then are decided. */
  ticksDecidedMs: number;
};

export type ServiceView = {
  name: string;
  /** Of a global service the nodes it should be on, whether its container fits or not; of a job 0. */
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
  /** Its runs; null unless it is a job. */
  job: JobView | null;
  /** Slot → the node it is for, also while that is lost or drained; null unless it is global. */
  nodeOfSlot: Map<number, string> | null;
  /** Containers that serve once they have run for so long, while others wait for that: id → when. */
  proving: Map<string, number>;
  /** While replicas move for its balance: no further one before. null: none does. */
  balancing: { coolUntilMs: number; moves: number } | null;
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
  /** Those of its agent, and those that were set, which win. */
  labels: NodeLabels;
  agentLabels: NodeLabels;
  setLabels: NodeLabels;
  /** Position of its NodeRegistered or NodeReturned. */
  session: number;
  /** Of the registration that began the session. */
  registrationId: string;
  /** What its owner lets containers use of the machine. */
  hostAccess: HostAccess;
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
  /** While its agent says that the engine does not answer; null: it does. */
  engineLost: { since: string; message: string; deadlineMs: number } | null;
  /** While rescheduling is paused: not heard since. null: it is heard, or counts as lost. */
  silentSince: string | null;
  /** Why it counts as lost, where that is its engine. */
  lossReason: NodeLossReason | null;
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
  /** Nodes that are not lost, and of whose containers nothing is known: they are silent, or their engines are. */
  unreachable: Set<string>;
  /** Services at which the planner has to look again by time: a rollout in progress, or containers that prove themselves. */
  rolling: Set<string>;
  /** Jobs that go on or have a schedule: the planner looks at them by time. */
  jobs: Set<string>;
  /** Global services: they follow the nodes. */
  global: Set<string>;
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
    unreachable: new Set(),
    rolling: new Set(),
    jobs: new Set(),
    global: new Set(),
    controller: { term: 0, controllerId: '', resigned: false, version: 0 },
    disruption: 'none',
    alarms: new Map(),
    tokens: new Map(),
    tokensVersion: 0,
    ...{ registryLogins: new Map(), registriesVersion: 0, registryLoginVersion: 0 },
    pulls: new Map(),
  };
}
