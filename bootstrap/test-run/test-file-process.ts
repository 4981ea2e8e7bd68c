/**
 * Owns the inside of one test file's process: runs it, and sees to it that nothing is open afterwards. It must not end
 * the process itself as long as all goes well: what keeps it alive is a leak.
 */

import { run } from 'uvu/run';
import { leftOpenExitCode } from './verdict.ts';

/** Sockets that were closed politely are gone by then. */
const graceMs = 3_000;

const [file] = process.argv.slice(2) as [string];
await run([{ name: file, file }] as unknown as Parameters<typeof run>[0]);

setTimeout(() => {
  const open = Map.groupBy(process.getActiveResourcesInfo(), (name) => name);
  const list = Array.from(open, ([name, { length }]) => (length === 1 ? name : `${name} × ${length}`));
  console.error(`still open ${graceMs / 1000} s after the last test: ${list.join(', ')}`);
  process.exit(leftOpenExitCode);
}, graceMs).unref();
