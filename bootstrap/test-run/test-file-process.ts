/**
 * The inside of one test file's process: runs it, and sees to it that nothing is open afterwards. It must not end
 * the process itself as long as all goes well: what keeps it alive is a leak.
 */

import { registerHooks } from 'node:module';
import { run } from 'uvu/run';
import { leftOpenExitCode } from './verdict.ts';

/** Sockets that were closed politely are gone by then. */
const graceMs = 3_000;

const [file] = process.argv.slice(2) as [string];
const uvu = import.meta.resolve('uvu');
const uvuInWords = import.meta.resolve('./uvu-in-words.ts');
registerHooks({
  resolve(specifier, context, next) {
    const isUvu = context.parentURL !== uvuInWords && next(specifier, context).url === uvu;
    return next(isUvu ? uvuInWords : specifier, context);
  },
});
// Our own output is open all the time, from its first use on, and of the same kind as a socket of a test's.
process.stdout.write('');
process.stderr.write('');
const alwaysOpen = process.getActiveResourcesInfo();
await run([{ name: file, file }] as unknown as Parameters<typeof run>[0]);

setTimeout(() => {
  console.error(`still open ${graceMs / 1000} s after the last test: ${leftOpen().join(', ')}`);
  process.exit(leftOpenExitCode);
}, graceMs).unref();

function leftOpen(): string[] {
  const byName = Map.groupBy(process.getActiveResourcesInfo(), (name) => name);
  return Array.from(byName, ([name, { length }]) => {
    const count = length - alwaysOpen.filter((other) => other === name).length;
    return count > 1 ? `${name} × ${count}` : count === 1 ? name : '';
  }).filter((text) => text !== '');
}
