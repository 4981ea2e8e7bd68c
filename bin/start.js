/**
 * Starts a program of ours: as it was compiled where the package is installed, from its sources in a clone, where they
 * may have changed since. Written so that an old Node.js reads it, and says in a line what is missing.
 */

import { existsSync } from 'node:fs';

const oldest = 24;

/** @param module its file below `src` or `dist`, without the ending */
export async function start(name, module) {
  if (Number.parseInt(process.versions.node, 10) < oldest) {
    process.stderr.write(
      `${name} needs Node.js ${oldest} or newer, and this is ${process.versions.node}: https://nodejs.org/en/download\n`,
    );
    process.exit(1);
  }
  const source = new URL(`../src/${module}.ts`, import.meta.url);
  await import(existsSync(source) ? source : new URL(`../dist/${module}.js`, import.meta.url));
}
