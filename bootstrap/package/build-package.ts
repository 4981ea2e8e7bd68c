/**
 * Makes what the package runs, for Node.js reads no TypeScript of installed packages: every file of `src` as JavaScript at the
 * same place in `dist`, and the page beside them. Takes some seconds.
 */

import { execFileSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { buildPage } from '../page/build-page.ts';

const pathOf = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

// What was compiled before may have no source any more.
await rm(pathOf('../../dist'), { recursive: true, force: true });
await buildPage();
execFileSync(pathOf('../../node_modules/.bin/tsc'), ['-p', pathOf('tsconfig.json')], { stdio: 'inherit' });
