/**
 * Runs a whole cluster in one process: a manager with the embedded log and bus, and its worker nodes beside it. What
 * `up` runs when it is given neither MongoDB nor RabbitMQ.
 */

import { systemClock } from '../clock.ts';
import { unlessAborted } from '../concurrency/unless-aborted.ts';
import type { AppError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Config } from './config.ts';
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
  /** The manager serves and the engine is known; no node has started yet. */
  onOpened?: (opened: Pick<LocalCluster, 'manager' | 'agents'>) => Promise<void>;
  /** As the manager's. */
  knownClusterId?: string | null;
  /** Gives up waiting for the nodes, and closes what is open. */
  signal?: AbortSignal;
};

const closeDeadlineMs = 4_300;
/** Enough to resign and to let go of a log that answers. */
const managerCloseMinMs = 1_300;

export async function startLocalCluster(config: Config, options: LocalClusterOptions): Promise<LocalCluster> {
  const { logger, onProgress, onFatal, onOpened, signal, knownClusterId = null } = options;
  const manager = await startManager(config, { logger, onFatal, signal, knownClusterId, onNotice: onProgress });
  if (manager.agentBus === null) throw new Error('a local cluster has the embedded bus');
  let closeAgents = async () => {};
  // One deadline for both: what the agents leave of it is the manager's.
  const close = async () => {
    const startedMs = systemClock.monotonicMs();
    await closeAgents();
    await manager.close({ withinMs: closeDeadlineMs - (systemClock.monotonicMs() - startedMs) });
  };
  try {
    onProgress(`manager serves ${manager.url}, cluster ${manager.cluster.name} (${manager.cluster.id})`);
    const agents = await createNodeAgents(config, { cluster: manager.cluster, busOf: manager.agentBus, logger });
    closeAgents = () => agents.close({ withinMs: closeDeadlineMs - managerCloseMinMs });
    onProgress(`engine: ${agents.engine}`);
    await onOpened?.({ manager, agents });
    await unlessAborted(
      agents.start((node) => onProgress(`${node} is ready`)),
      signal,
    );
    return { manager, agents, close };
  } catch (error) {
    await close();
    throw error;
  }
}
