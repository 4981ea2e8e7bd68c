/** The program's entry: its arguments, one process of that kind, its exit code. */

import { parseCommandLine } from './daemon/command-line.ts';
import { findOpenSecrets } from './daemon/private-files.ts';
import { starters } from './daemon/roles.ts';
import { keepHeapSmall } from './process/heap.ts';
import { exitCodeOf, exitCodes, exitMessage, runProcess } from './process/lifecycle.ts';

keepHeapSmall();
try {
  const line = parseCommandLine(process.argv.slice(2), process.env);
  if (line.kind === 'run') {
    const { command, config } = line;
    for (const warning of await findOpenSecrets(config)) process.stderr.write(`warning: ${warning}\n`);
    await runProcess((life) => starters[command](config, life));
  } else {
    process.stdout.write(`${line.text}\n`);
    process.exitCode = exitCodes.clean;
  }
} catch (error) {
  process.stderr.write(`${exitMessage(error)}\n`);
  process.exitCode = exitCodeOf(error);
}
