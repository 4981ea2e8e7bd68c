/** The process of the command line: its streams, its signals, its exit code. */

import { keepHeapSmall } from '../process/heap.ts';
import { createContext, exitCodes } from './output/context.ts';
import { runCli } from './program.ts';

keepHeapSmall();
const stopping = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => stopping.abort());
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // A reader that left (`coctl … | head`) has seen enough.
  if (error.code === 'EPIPE') process.exit(exitCodes.fine);
  process.stderr.write(`standard output cannot be written: ${error.message}\n`);
  process.exit(exitCodes.unreachable);
});
// Nothing is left to write it to.
process.stderr.on('error', () => {});

const context = createContext({
  out: process.stdout,
  err: process.stderr,
  input: process.stdin,
  environment: process.env,
  signal: stopping.signal,
});
process.exitCode = await runCli(process.argv.slice(2), context);
