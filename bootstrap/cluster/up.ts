/** Owns `./bootstrap/up`: an engine, the example image, and a cluster that runs until it is told to stop. */

import { releasing, runLocalCluster } from '../../src/commands.ts';
import { claimDataFolder, type DataFolder } from '../../src/data-folder.ts';
import { exitCodeOf, type Life, type Running, runProcess, wordsOf } from '../../src/process-life.ts';
import { buildHello } from '../images/build-hello.ts';
import { isSocket, socketPathOf } from './docker-client.ts';
import { findEngine } from './find-engine.ts';
import { runSeparateProcesses } from './separate-processes.ts';
import { parseUpOptions, type UpOptions, upHelp } from './up-options.ts';

try {
  const options = parseUpOptions(process.argv.slice(2), process.env);
  if (options === 'help') process.stdout.write(upHelp);
  else await runProcess((life) => up(options, life));
} catch (error) {
  process.stderr.write(`${wordsOf(error)}\n`);
  process.exitCode = exitCodeOf(error);
}

async function up(options: UpOptions, life: Life): Promise<Running> {
  const folder = await claimDataFolder(options.config.dataDir);
  try {
    return releasing(folder, await upOn(folder, options, life));
  } catch (error) {
    await folder.release();
    throw error;
  }
}

async function upOn(folder: DataFolder, options: UpOptions, life: Life): Promise<Running> {
  const { config, mayInstall } = options;
  const { dataDir, dockerAddress: address } = config;
  const { say, signal } = life;
  const last = await folder.readNote();
  const isInUse = last !== null && last.docker !== null;
  const engine = await findEngine({ choice: config.engine, address, dataDir, mayInstall, isInUse, say, signal });
  if (engine === 'docker') await offerExample(options, say);
  const chosen = { ...config, engine };
  if (config.mongodbUrl === null) return runLocalCluster(chosen, folder, life);
  const environment = { ...options.environment, CO_ENGINE: engine };
  return runSeparateProcesses({ config: chosen, folder, environment, engine }, life);
}

/** Services can use any image; this one needs no registry. */
async function offerExample({ config, mayInstall }: UpOptions, say: Life['say']): Promise<void> {
  const { dockerAddress } = config;
  if (!isSocket(dockerAddress)) return;
  try {
    say(await buildHello({ socketPath: socketPathOf(dockerAddress), mayInstall }));
  } catch (error) {
    say(`the example image was not built: ${error instanceof Error ? error.message : error}`);
  }
}
