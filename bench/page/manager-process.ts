/** A manager on the history in a data folder, in a process of its own. Says where it serves. */

import { readConfig } from '../../src/daemon/config.ts';
import { startManager } from '../../src/daemon/manager.ts';
import { silentLogger } from '../../src/logger.ts';
import { runProcess } from '../../src/process/lifecycle.ts';

const [dataDir = ''] = process.argv.slice(2);

await runProcess(async ({ fail, print, signal }) => {
  const config = readConfig(['--data', dataDir, '--engine', 'simulated', '--port', '0'], {});
  const manager = await startManager(config, { logger: silentLogger, onFatal: fail, signal, onWaiting: print });
  print(`serves ${manager.url}`);
  return manager;
});
