/** Schema and behaviour agree: Schemathesis calls every operation in ways that the document allows, and in ways it forbids. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startCluster } from '../../support/cluster/cluster.ts';
import { callApi, oneService } from '../../support/http/http.ts';

const program = process.env.CO_TEST_SCHEMATHESIS ?? null;
if (program === null) console.log('skipped: CO_TEST_SCHEMATHESIS is not set');

const test = suite('Schemathesis');
const withProgram = program === null ? test.skip : test;

const files = fileURLToPath(new URL('../../support/schemathesis', import.meta.url));
/** It takes some 25 s on two cores, and several times as long where others keep them busy. */
const deadlineMs = 150_000;

withProgram('finds no call that a manager answers otherwise than the document says', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'co-schemathesis-'));
  const cluster = await startCluster({ dataDir: folder, engine: 'simulated', socketPath: '/none', workers: 3 });
  try {
    await callApi(cluster.url, 'POST', '/service', { body: oneService() });
    const args = ['--config-file', join(files, 'schemathesis.toml'), 'run', `${cluster.url}/docs/json`];
    const { all, exitCode } = await execa(program!, [...args, '--checks', 'all', '--no-color'], {
      cwd: folder,
      env: { SCHEMATHESIS_HOOKS: 'co_hooks', PYTHONPATH: files, PYTHONDONTWRITEBYTECODE: '1' },
      all: true,
      reject: false,
      timeout: deadlineMs,
    });
    assert.is(exitCode, 0, all);
    assert.match(all, /Tested: +48/);
    assert.match(all, /Stateful/);
  } finally {
    await cluster.purge();
    await rm(folder, { recursive: true, force: true });
  }
});

test.run();
