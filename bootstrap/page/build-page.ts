/** Bundles the page from its sources into `dist/page`, where a manager serves it from. Takes some tenths of a second. */

import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const sources = fileURLToPath(new URL('../../src/dashboard', import.meta.url));
const target = fileURLToPath(new URL('../../dist/page', import.meta.url));

/** @throws Error with what does not compile */
export async function buildPage(): Promise<void> {
  await mkdir(target, { recursive: true });
  await build({
    entryPoints: [
      { in: join(sources, 'main.tsx'), out: 'page' },
      { in: join(sources, 'page.css'), out: 'page' },
    ],
    outdir: target,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2024',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'eof',
    logLevel: 'silent',
  });
  await copyFile(join(sources, 'page.html'), join(target, 'page.html'));
}

if (import.meta.main) await buildPage();
