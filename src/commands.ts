/**
 * Owns what each command of the program starts. The parts are loaded when a command needs them: an agent has no use
 * for the database's driver, and `--help` for nothing.
 */

import type { CommandName } from './command-line.ts';
import type { Config } from './config.ts';
import { createLogger } from './logger.ts';
import type { Life, Running } from './process-life.ts';

/** What the process that started us over a channel wants to know; see bootstrap/cluster/separate-processes.ts. */
export type Announcement = { kind: 'serves'; url: string; clusterId: string } | { kind: 'ready'; node: string };

export const simulatedNote = '(SIMULATED engine: no container runs)';

export const starters: Record<CommandName, (config: Config, life: Life) => Promise<Running>> = {
  up: startUp,
  manager: startOneManager,
  agent: startAgent,
};

/** Ends its progress with `ready URL` when every worker is. */
export async function startUp(config: Config, { signal, fail, say }: Life): Promise<Running> {
  const [{ startLocalCluster }, { claimDataFolder }] = await Promise.all([
    import('./local-cluster.ts'),
    import('./data-folder.ts'),
  ]);
  const folder = await claimDataFolder(config.dataDir);
  try {
    const logger = createLogger({ level: config.logLevel });
    const whole = { ...config, node: null };
    const cluster = await startLocalCluster(whole, { logger, onProgress: say, onFatal: fail, signal });
    const { engine } = cluster.agents;
    await folder.note({ cluster: config.cluster, clusterId: cluster.manager.cluster.id, docker: config.dockerAddress });
    say(`ready ${cluster.manager.url}${engine.startsWith('simulated') ? ` ${simulatedNote}` : ''}`);
    return {
      async close() {
        await cluster.close();
        await folder.release();
      },
    };
  } catch (error) {
    await folder.release();
    throw error;
  }
}

async function startOneManager(config: Config, { fail, say }: Life): Promise<Running> {
  const { startManager } = await import('./manager.ts');
  const logger = createLogger({ level: config.logLevel, name: 'manager' });
  const manager = await startManager(config, { logger, onFatal: fail });
  const { url, cluster } = manager;
  announce({ kind: 'serves', url, clusterId: cluster.id });
  say(`manager serves ${url}, cluster ${cluster.name} (${cluster.id})`);
  return manager;
}

/** The command line has checked that these are given. */
type AgentConfig = Config & { node: string; amqpUrl: string; clusterId: string };

async function startAgent(config: Config, { signal, say }: Life): Promise<Running> {
  const { node, amqpUrl: url, clusterId, cluster: name } = config as AgentConfig;
  const [{ createNodeAgents }, { createAmqpAgentBus }] = await Promise.all([
    import('./node-agents.ts'),
    import('./bus/amqp-bus.ts'),
  ]);
  const logger = createLogger({ level: config.logLevel, name: `agent ${node}` });
  const agents = await createNodeAgents(config, {
    cluster: { id: clusterId, name },
    busOf: (id) => createAmqpAgentBus({ url, clusterId, node: id, logger }),
    logger,
  });
  say(`agent of ${node}, engine: ${agents.engine}`);
  // The broker may be away for as long as it likes: the agent is running, and becomes ready when it is back.
  void agents.start((id) => {
    announce({ kind: 'ready', node: id });
    say(`${id} is ready`);
  });
  signal.throwIfAborted();
  return agents;
}

const announce = (announcement: Announcement) => void process.send?.(announcement);
