/** What a contract of the bus is written against. */

import type { AgentBus, ManagerBus } from '../../../src/bus/bus.ts';

/** A bus for one test. */
export type BusUnderTest = {
  clusterId: string;
  manager(managerId: string): ManagerBus;
  agent(node: string): AgentBus;
  close(): Promise<void>;
};

/** By the name of each test. */
export type BusContract = Record<string, (bus: BusUnderTest) => Promise<void>>;
