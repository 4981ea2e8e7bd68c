/** Owns the process of the command line: its streams, its signals, its exit code. */

import { createContext } from './context.ts';
import { runCli } from './program.ts';

const stopping = new AbortController();
process.once('SIGINT', () => stopping.abort());
process.once('SIGTERM', () => stopping.abort());
// A reader that left (`coctl … | head`) has seen enough.
process.stdout.on('error', () => process.exit());

const context = createContext({
  out: process.stdout,
  err: process.stderr,
  environment: process.env,
  signal: stopping.signal,
});
process.exitCode = await runCli(process.argv.slice(2), context);
