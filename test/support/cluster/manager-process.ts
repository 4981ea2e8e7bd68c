/** A manager in a process of its own, on a MongoDB of the test's choice and the embedded bus. Says where it serves. */

import { readConfig } from '../../../src/daemon/config.ts';
import { startManager } from '../../../src/daemon/manager.ts';
import { silentLogger } from '../../../src/logger.ts';
import { runProcess } from '../../../src/process/lifecycle.ts';

const [mongodbUrl = ''] = process.argv.slice(2);

await runProcess(async ({ fail, print, signal }) => {
  const config = { ...readConfig(['--port', '0'], {}), mongodbUrl };
  const manager = await startManager(config, { logger: silentLogger, onFatal: fail, signal, onWaiting: print });
  print(`serves ${manager.url}`);
  return manager;
});
