/** The states and the description of a worker node. */

import { type Static, Type } from '@sinclair/typebox';
import { ContainerId, IsoTime, ServiceName, Uuid } from './ids.ts';
import { SpecHash } from './service.ts';

export const NodeState = Type.Union([Type.Literal('ready'), Type.Literal('lost')]);
export type NodeState = Static<typeof NodeState>;

export const Availability = Type.Union([Type.Literal('active'), Type.Literal('cordoned'), Type.Literal('draining')]);
export type Availability = Static<typeof Availability>;

export const EngineKind = Type.Union([Type.Literal('docker'), Type.Literal('simulated')]);
export type EngineKind = Static<typeof EngineKind>;

export const nodeLabelsMax = 64;

/** Sorted by name. */
export const NodeLabels = Type.Array(
  Type.Object(
    { name: Type.String({ minLength: 1, maxLength: 63 }), value: Type.String({ maxLength: 255 }) },
    { additionalProperties: false },
  ),
  { maxItems: nodeLabelsMax },
);
export type NodeLabels = Static<typeof NodeLabels>;

/** What an engine offers; nodes of one engineId share it. */
export const EngineDescription = Type.Object(
  {
    kind: EngineKind,
    /** Identity of the engine itself: nodes with the same engineId share ports, memory and CPUs. */
    engineId: Type.String({ minLength: 1, maxLength: 128 }),
    version: Type.String({ maxLength: 128 }),
    memoryBytes: Type.Integer({ minimum: 0 }),
    cpuMillis: Type.Integer({ minimum: 0 }),
  },
  { additionalProperties: false },
);
export type EngineDescription = Static<typeof EngineDescription>;

/** One start of a node's agent: another start is another instance, also of the same node on the same machine. */
export const AgentInstance = Type.Object(
  {
    id: Uuid,
    /** Process id on the agent's machine, or in its container. */
    pid: Type.Integer({ minimum: 1 }),
    /** By the machine's own clock. */
    startedAt: IsoTime,
  },
  { additionalProperties: false },
);
export type AgentInstance = Static<typeof AgentInstance>;

/** A node whose last heartbeat is longer ago is lost. */
export const nodeTimeoutMsDefault = 5_000;

/** The containers of an engine that does not answer for longer count as lost. A daemon restarts in less. */
export const engineTimeoutMsDefault = 60_000;

/** A registration becomes one event, of 1 MB at most, and an item takes up to 310 bytes: it lists so many. */
export const inventoryMax = 3_000;

/** A container as an agent finds it on its engine. */
export const InventoryItem = Type.Object(
  {
    container: ContainerId,
    service: ServiceName,
    slot: Type.Integer({ minimum: 1 }),
    specHash: SpecHash,
    state: Type.Union([Type.Literal('created'), Type.Literal('running'), Type.Literal('exited')]),
    exitCode: Type.Union([Type.Integer(), Type.Null()]),
  },
  { additionalProperties: false },
);
export type InventoryItem = Static<typeof InventoryItem>;

/** Starts at once on one engine. Measured: one Docker daemon starts 4.5 containers a second one by one, 6.8 four at a time. */
export const parallelStartsDefault = 4;
