/** A typed client is generated from the OpenAPI document, compiles, and does what it says to a running manager. */

import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startApi, type TestApi } from '../../support/http/http.ts';
import { openMemoryLog } from '../../support/http/http-logs.ts';

const test = suite('a generated client');
const root = fileURLToPath(new URL('../../..', import.meta.url));
const generator = join(root, 'test/support/client-generator');
const cache = join(root, '.cache');
/** Generating takes a second, compiling two. */
const deadlineMs = 60_000;

let api: TestApi;
let folder: string;

test.before(async () => {
  api = await startApi(await openMemoryLog());
  await mkdir(cache, { recursive: true });
  // Below the project, where a client finds its packages.
  folder = await mkdtemp(join(cache, 'client-'));
});
test.after(async () => {
  await rm(folder, { recursive: true, force: true });
  await api.close();
  await api.log.close();
});

const run = async (program: string, ...args: string[]) => {
  const { all, exitCode } = await execa(program, args, { cwd: folder, all: true, reject: false, timeout: deadlineMs });
  assert.is(exitCode, 0, all);
  return all;
};

test('is generated, compiles, and changes services by it', async () => {
  const { text } = await api.call('GET', '/docs/json');
  await writeFile(join(folder, 'openapi.json'), text);
  await copyFile(join(generator, 'client.ts'), join(folder, 'client.ts'));
  const config = { extends: '../../tsconfig.json', include: ['*.ts'], exclude: [] };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));

  const openapiTypescript = join(generator, 'node_modules/openapi-typescript/bin/cli.js');
  const types = join(folder, 'node_modules/generated-types');
  await mkdir(types, { recursive: true });
  await writeFile(join(types, 'package.json'), JSON.stringify({ name: 'generated-types', types: 'index.d.ts' }));
  await run(process.execPath, openapiTypescript, 'openapi.json', '--output', join(types, 'index.d.ts'));
  await run(join(root, 'node_modules/.bin/tsc'), '--project', folder);
  assert.match(await run(process.execPath, 'client.ts', api.url), /fine/);
});

test.run();
