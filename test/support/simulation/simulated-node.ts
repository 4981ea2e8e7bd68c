/** A node of the simulation: what its machine has, and what its agent knows. */

import type { AgentInstance } from '../../../src/model/node.ts';

/** The first is in the log, the others wait for it. */
export type SimulatedChain = { container: string; hasRun: boolean; end: Record<string, unknown> | null }[];

export type SimulatedNode = {
  id: string;
  /** Its engine is its own. */
  machine: string;
  /** Another with each start of its agent. */
  instance: AgentInstance;
  /** When it was challenged first. */
  challengedAtMs: number | null;
  /** Told that another instance has the node: it does not read the node's queue, and asks again then. */
  refusedUntilMs: number | null;
  isUp: boolean;
  isConnected: boolean;
  /** It is heard, and commands wait in its queue. */
  isUnresponsive: boolean;
  /** Its engine does not answer. */
  isEngineSilent: boolean;
  /** Its engine starts nothing. */
  isBroken: boolean;
  /** null until the wanted set of its registration has come. */
  session: number | null;
  running: Map<
    string,
    { specHash: string; service: string; slot: number; image: string; state: 'starting' | 'running' }
  >;
  /** Containers it started once: none may start again. */
  started: Set<string>;
  /** The broker has its heartbeat of then. */
  takenAtMs: number;
  /** A manager said that the log is away: until then. */
  aloneUntilMs: number;
  /** What ended while it was alone and what it started in its place, under the id of each. */
  chains: Map<string, SimulatedChain>;
};
