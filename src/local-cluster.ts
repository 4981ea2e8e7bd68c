/**
 * Owns a whole cluster in one process: a manager with the embedded log and bus, and its worker nodes beside it. What
 * `up` runs when it is given neither MongoDB nor RabbitMQ.
 */

import type { Config } from './config.ts';
import type { AppError } from './errors.ts';
import type { Logger } from './logger.ts';
import { type Manager, startManager } from './manager.ts';
import { createNodeAgents, type NodeAgents } from './node-agents.ts';

export type LocalCluster = {
  manager: Manager;
  agents: NodeAgents;
  /** Within 5 s; containers stay. */
  close(): Promise<void>;
};

export type LocalClusterOptions = {
  logger: Logger;
  /** A line for people, as each step is done. */
  onProgress: (line: string) => void;
  onFatal: (error: AppError) => void;
};

export async function startLocalCluster(config: Config, options: LocalClusterOptions): Promise<LocalCluster> {
  const { logger, onProgress, onFatal } = options;
  const manager = await startManager(config, { logger, onFatal });
  if (manager.agentBus === null) throw new Error('a local cluster has the embedded bus');
  onProgress(`manager serves ${manager.url}, cluster ${manager.cluster.name} (${manager.cluster.id})`);
  const agents = await createNodeAgents(config, { cluster: manager.cluster, busOf: manager.agentBus, logger });
  const close = async () => {
    await agents.close();
    await manager.close();
  };
  try {
    onProgress(`engine: ${agents.engine}`);
    await agents.start((node) => onProgress(`${node} is ready`));
    return { manager, agents, close };
  } catch (error) {
    await close();
    throw error;
  }
}
