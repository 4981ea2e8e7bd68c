/** A manager's and an agent's end of each bus, for tests of streams: with the rights that managers and nodes really have. */

import type { AgentBus, ManagerBus } from '../../../src/bus/bus.ts';
import { createEmbeddedBroker } from '../../../src/bus/embedded/embedded-bus.ts';
import { createAmqpAgentBus, createAmqpManagerBus } from '../../../src/bus/rabbitmq/rabbitmq-bus.ts';
import { agentPermissions, managerPermissions } from '../../../src/bus/topology.ts';
import { silentLogger } from '../../../src/logger.ts';
import { openRabbit } from '../servers/rabbit.ts';

/** Of manager `m1` and node `worker-1`. */
export type StreamBuses = { manager: ManagerBus; agent(): AgentBus; close(): Promise<void> };

export const streamNode = 'worker-1';

export async function openEmbeddedBuses(clusterId: string): Promise<StreamBuses> {
  const broker = createEmbeddedBroker({ clusterId, logger: silentLogger });
  return { manager: broker.manager('m1'), agent: () => broker.agent(streamNode), close: () => broker.close() };
}

export async function openAmqpBuses(clusterId: string): Promise<StreamBuses> {
  const rabbit = await openRabbit();
  const users = { manager: `manager-${clusterId}`, agent: `agent-${clusterId}` };
  await rabbit.addUser(users.manager, managerPermissions);
  await rabbit.addUser(users.agent, agentPermissions(streamNode));
  const common = { clusterId, logger: silentLogger };
  const manager = createAmqpManagerBus({ ...common, url: rabbit.url(users.manager), managerId: 'm1' });
  return {
    manager,
    agent: () => createAmqpAgentBus({ ...common, url: rabbit.url(users.agent), node: streamNode }),
    async close() {
      await manager.close();
      await rabbit.remove();
    },
  };
}
