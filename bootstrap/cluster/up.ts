/** Runs `./bootstrap/up`: an engine, the example image, and a cluster that runs until it is stopped. */

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { readDockerTls } from '../../src/agent/docker/docker-tls.ts';
import { forgetLocal, noteLocal } from '../../src/cli/sources/contexts.ts';
import { systemClock } from '../../src/clock.ts';
import { adminTokenFile } from '../../src/daemon/admin-token.ts';
import { type DataFolder, lockDataFolder } from '../../src/daemon/data-folder.ts';
import { type NodeAgents, nodesOf } from '../../src/daemon/node-agents.ts';
import { findOpenSecrets, tightenFolder } from '../../src/daemon/private-files.ts';
import { readyLine, releasing, runLocalCluster } from '../../src/daemon/roles.ts';
import { errorMessage } from '../../src/errors.ts';
import { createLogger } from '../../src/logger.ts';
import { exitCodeOf, exitMessage, type Life, type Running, runProcess } from '../../src/process/lifecycle.ts';
import { buildHello } from '../images/build-hello.ts';
import { isSocket, socketPathOf } from './engine/docker-client.ts';
import { findEngine } from './engine/find-engine.ts';
import { openLogFile } from './log-file.ts';
import { killContainersOf } from './node-control/power.ts';
import { serveRequests } from './node-control/socket.ts';
import { createNodeSwitch } from './node-control/switch.ts';
import { runSeparateProcesses } from './separate-processes.ts';
import { parseUpOptions, type UpOptions } from './up-options.ts';

try {
  const options = parseUpOptions(process.argv.slice(2), process.env);
  if ('help' in options) process.stdout.write(options.help);
  else await runProcess((life) => up(options, life));
} catch (error) {
  process.stderr.write(`${exitMessage(error)}\n`);
  process.exitCode = exitCodeOf(error);
}

async function up(options: UpOptions, life: Life): Promise<Running> {
  const folder = await lockDataFolder(options.config.dataDir);
  try {
    return releasing(folder, await upOn(folder, options, life));
  } catch (error) {
    await folder.release();
    throw error;
  }
}

async function upOn(folder: DataFolder, options: UpOptions, life: Life): Promise<Running> {
  const { config, mayInstall } = options;
  const { dataDir, dockerAddress: address, dockerCertPath } = config;
  const { print, signal } = life;
  const tightened = await tightenFolder(dataDir);
  if (tightened !== null) print(tightened);
  for (const warning of await findOpenSecrets(config)) print(`warning: ${warning}`);
  const last = await folder.readNote();
  const isInUse = last !== null && last.docker !== null;
  const tls = await readDockerTls(dockerCertPath, systemClock.nowMs());
  const engine = await findEngine({ choice: config.engine, address, tls, dataDir, mayInstall, isInUse, print, signal });
  if (engine === 'docker') await offerExample(options, print);
  await offerPage(print);
  const cluster = await openCluster({ folder, engine, options }, life);
  const control = await openControl({ folder, engine, options, agents: cluster.agents }, print);
  const noted = await noteContext(cluster.url, options);
  print(readyLine(cluster.url, engine));
  return {
    async close() {
      await noted.forget();
      await control.close();
      await cluster.close();
    },
  };
}

/** Services can use any image; this one needs no registry. */
async function offerExample({ config, mayInstall }: UpOptions, print: Life['print']): Promise<void> {
  const { dockerAddress } = config;
  if (!isSocket(dockerAddress)) return;
  try {
    print(await buildHello({ socketPath: socketPathOf(dockerAddress), mayInstall }));
  } catch (error) {
    print(`the example image was not built: ${errorMessage(error)}`);
  }
}

/** Bundled from its sources at each start, so it is never older than they are. The cluster does as well without. */
async function offerPage(print: Life['print']): Promise<void> {
  try {
    const { buildPage } = await import('../page/build-page.ts');
    await buildPage();
  } catch (error) {
    print(`the page was not built: ${errorMessage(error)}`);
  }
}

type Chosen = { folder: DataFolder; engine: 'docker' | 'simulated'; options: UpOptions };
type Cluster = Running & { url: string; agents: Pick<NodeAgents, 'cutOff' | 'bringBack'> };

async function openCluster({ folder, engine, options }: Chosen, life: Life): Promise<Cluster> {
  const config = { ...options.config, engine };
  const file = await openLogFile(config.dataDir, (line) => void process.stderr.write(`${line}\n`));
  life.print(`log: ${file.path}`);
  if (config.mongodbUrl !== null) {
    const environment = { ...options.environment, CO_ENGINE: engine };
    const separate = await runSeparateProcesses({ config, folder, environment, engine, log: file.write }, life);
    return { ...separate, close: () => separate.close().finally(file.close) };
  }
  const logger = createLogger({ level: config.logLevel }, file);
  const { manager, agents, close } = await runLocalCluster({ config, folder, logger }, life);
  return { url: manager.url, agents, close: () => close().finally(file.close) };
}

/** For `coctl`, which finds it without CO_URL then. It can be found by that as well, so that a home that is read-only does no harm. */
async function noteContext(url: string, { config, environment }: UpOptions): Promise<{ forget(): Promise<void> }> {
  const tokenFile = resolve(config.dataDir, adminTokenFile);
  const context = { url, ...(existsSync(tokenFile) ? { tokenFile } : {}) };
  const isNoted = await noteLocal(environment, context).then(
    () => true,
    () => false,
  );
  return {
    async forget() {
      if (isNoted) await forgetLocal(environment, context).catch(() => {});
    },
  };
}

/** For `./bootstrap/node`. The cluster does as well without. */
async function openControl(
  { folder, engine, options, agents }: Chosen & Pick<Cluster, 'agents'>,
  print: Life['print'],
) {
  const { config } = options;
  const note = await folder.readNote();
  const isReal = engine === 'docker' && note !== null;
  const tls = isReal ? await readDockerTls(config.dockerCertPath, systemClock.nowMs()) : null;
  const of = { clusterId: note?.clusterId ?? '', address: config.dockerAddress, tls };
  const killContainers = isReal ? (node: string) => killContainersOf(node, of) : null;
  const nodes = nodesOf({ ...config, node: null });
  try {
    return await serveRequests(config.dataDir, createNodeSwitch({ nodes, agents, killContainers, print }));
  } catch (error) {
    print(`./bootstrap/node cannot be used: ${exitMessage(error)}`);
    return { close: async () => {} };
  }
}
