/**
 * What each command of the program starts. The parts are loaded when a command needs them: an agent has no use
 * for the database's driver, and `--help` for nothing.
 */

import { hasCode } from '../errors.ts';
import { createLogger, type Logger } from '../logger.ts';
import { exitMessage, type Life, type Running } from '../process/lifecycle.ts';
import type { CommandName } from './command-line.ts';
import type { Config } from './config.ts';
import type { DataFolder } from './data-folder.ts';
import type { LocalCluster } from './local-cluster.ts';

/** What the process that started us over a channel wants to know; see bootstrap/cluster/separate-processes.ts. */
export type Announcement = { kind: 'serves'; url: string; clusterId: string } | { kind: 'ready'; node: string };

/** The last line of a start: who waits for the cluster waits for it. */
export const readyLine = (url: string, engine: 'docker' | 'simulated') =>
  `ready ${url}${engine === 'simulated' ? ' (SIMULATED engine: no container runs)' : ''}`;

export const starters: Record<CommandName, (config: Config, life: Life) => Promise<Running>> = {
  up: startUp,
  manager: startOneManager,
  agent: startAgent,
};

async function startUp(config: Config, life: Life): Promise<Running> {
  const { lockDataFolder } = await import('./data-folder.ts');
  const { tightenFolder } = await import('./private-files.ts');
  const folder = await lockDataFolder(config.dataDir);
  try {
    const tightened = await tightenFolder(config.dataDir);
    if (tightened !== null) life.print(tightened);
    const logger = createLogger({ level: config.logLevel });
    const cluster = await runLocalCluster({ config, folder, logger }, life);
    life.print(readyLine(cluster.manager.url, engineOf(cluster.agents)));
    return releasing(folder, cluster);
  } catch (error) {
    await folder.release();
    throw error;
  }
}

/** Resolves when every worker is ready. */
export async function runLocalCluster(
  { config, folder, logger }: { config: Config; folder: DataFolder; logger: Logger },
  { signal, fail, print }: Life,
): Promise<LocalCluster> {
  const { startLocalCluster } = await import('./local-cluster.ts');
  const onOpened = ({ manager, agents }: Pick<LocalCluster, 'manager' | 'agents'>) => {
    const { id: clusterId, name } = manager.cluster;
    const docker = engineOf(agents) === 'docker' ? config.dockerAddress : null;
    return folder.note({ cluster: name, clusterId, docker });
  };
  const knownClusterId = (await folder.readNote())?.clusterId ?? null;
  const options = { logger, onProgress: print, onFatal: fail, onOpened, signal, knownClusterId };
  return startLocalCluster({ ...config, node: null }, options);
}

const engineOf = ({ engine }: LocalCluster['agents']) => (engine.startsWith('SIMULATED') ? 'simulated' : 'docker');

/** What runs on a locked folder, as one thing to close. */
export const releasing = (folder: DataFolder, running: Running): Running => ({
  async close() {
    await running.close();
    await folder.release();
  },
});

async function startOneManager(config: Config, { fail, print, signal }: Life): Promise<Running> {
  const { startManager } = await import('./manager.ts');
  const logger = createLogger({ level: config.logLevel, name: 'manager' });
  const manager = await startManager(config, { logger, onFatal: fail, signal, onWaiting: print, onNotice: print });
  const { url, cluster } = manager;
  announce({ kind: 'serves', url, clusterId: cluster.id });
  print(`manager serves ${url}, cluster ${cluster.name} (${cluster.id})`);
  return manager;
}

async function startAgent(config: Config, { fail, print, signal }: Life): Promise<Running> {
  const [{ createNodeAgents }, { createAmqpAgentBus }, { findMembership }] = await Promise.all([
    import('./node-agents.ts'),
    import('../bus/rabbitmq/rabbitmq-bus.ts'),
    import('./join/find-membership.ts'),
  ]);
  const { cluster, node, amqpUrl: url, readTls } = await findMembership(config, { signal, print });
  const logger = createLogger({ level: config.logLevel, name: `agent ${node}` });
  const agents = await createNodeAgents(
    { ...config, node },
    {
      cluster,
      busOf: (id) => createAmqpAgentBus({ url, readTls, clusterId: cluster.id, node: id, logger }),
      logger,
    },
  );
  print(`agent of ${node}, engine: ${agents.engine}`);
  const onReady = (id: string) => {
    announce({ kind: 'ready', node: id });
    print(`${id} is ready`);
  };
  agents.start(onReady).catch((error: unknown) => {
    // Broker and managers may be away for as long as they like: the agent goes on, and is ready when they are back.
    if (hasCode(error, 'agents_not_ready')) print(`${exitMessage(error)}; still trying`);
    else fail(error);
  });
  return agents;
}

const announce = (announcement: Announcement) => void process.send?.(announcement);
