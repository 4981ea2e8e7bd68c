/** Owns a manager in a process of its own, on a MongoDB of the test's choice and the embedded bus. Says where it serves. */

import { readConfig } from '../../src/config.ts';
import { silentLogger } from '../../src/logger.ts';
import { startManager } from '../../src/manager.ts';
import { runProcess } from '../../src/process-life.ts';

const [mongodbUrl = ''] = process.argv.slice(2);

await runProcess(async ({ fail, say }) => {
  const config = { ...readConfig(['--port', '0'], {}), mongodbUrl };
  const manager = await startManager(config, { logger: silentLogger, onFatal: fail });
  say(`serves ${manager.url}`);
  return manager;
});
