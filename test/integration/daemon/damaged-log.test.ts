/** A log that is not as it was written: a start says where and what to do, and ends; nothing begins silently, nothing hangs. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { coctl } from '../../support/cluster/cli.ts';
import { until } from '../../support/wait.ts';

const test = suite<{ dir: string }>('damaged log');
const main = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));
const endDeadlineMs = 15_000;

/** Until it is ready, or has ended. `end` stops it and waits. */
async function startUp(dir: string) {
  const args = [main, 'up', '--data', dir, '--port', '0', '--workers', '1', '--engine', 'simulated'];
  const child = spawn(process.execPath, args, { env: { PATH: process.env.PATH } });
  const said = { out: '', err: '' };
  child.stdout.on('data', (chunk) => {
    said.out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    said.err += chunk;
  });
  const exited = once(child, 'close').then(([code]) => code as number);
  await until('ready, or an end', () => /^ready /m.test(said.out) || child.exitCode !== null, endDeadlineMs);
  return {
    url: /^ready (\S+)/m.exec(said.out)?.[1] ?? null,
    errors: () => said.err,
    async end(): Promise<number> {
      child.kill('SIGTERM');
      return exited;
    },
  };
}

/** Some services, then a clean stop. */
async function fillLog(dir: string): Promise<void> {
  const up = await startUp(dir);
  for (let n = 0; n < 10; n += 1) {
    const services = [{ serviceName: `web-${n}`, replicas: 1, container: { name: 'web', image: 'web:1' } }];
    const answer = await fetch(`${up.url}/service`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ services }),
    });
    assert.is(answer.status, 202);
  }
  await until('all run', async () => {
    const state = (await (await fetch(`${up.url}/service_state`)).json()) as { services: { status: string }[] };
    return state.services.every(({ status }) => status === 'converged');
  });
  assert.is(await up.end(), 0);
}

function change(dir: string, sql: string): void {
  const database = new DatabaseSync(join(dir, 'events.sqlite'));
  database.exec(sql);
  database.close();
}

const verify = (dir: string, ...more: string[]) => coctl(['verify', '--sqlite', join(dir, 'events.sqlite'), ...more]);

test.before.each(async (context) => {
  context.dir = await mkdtemp(join(tmpdir(), 'co-damaged-'));
  await fillLog(context.dir);
});
test.after.each(({ dir }) => rm(dir, { recursive: true }));

async function assertRefused(dir: string, words: RegExp): Promise<void> {
  const up = await startUp(dir);
  assert.is(up.url, null, 'it did not start');
  assert.match(up.errors(), words);
  assert.is(await up.end(), 1);
}

test('a log that is whole starts and verifies', async ({ dir }) => {
  const { code, out } = await verify(dir);
  assert.is(code, 0, out);
  const up = await startUp(dir);
  assert.ok(up.url);
  assert.is(await up.end(), 0);
});

test('an edited event is refused by its slot and position', async ({ dir }) => {
  change(dir, `UPDATE commits SET events = replace(events, 'web:1', 'web:2') WHERE slot = 5 OR events LIKE '%web-3%'`);
  await assertRefused(dir, /slot \d+, from position \d+: .*bodyHash differs; \.\/coctl verify/);
  assert.match((await verify(dir)).out, /^BROKEN: slot \d+/m);
});

test('a commit that is gone from the middle is refused, and the process ends', async ({ dir }) => {
  change(dir, 'DELETE FROM commits WHERE slot = 6');
  await assertRefused(dir, /slot 6 is missing before it; \.\/coctl verify/);
});

test('an end that was cut off is refused, with how to accept it', async ({ dir }) => {
  const { hash } = JSON.parse(await readFile(join(dir, 'log-head.json'), 'utf8'));
  change(dir, 'DELETE FROM commits WHERE slot > (SELECT max(slot) - 3 FROM commits)');
  assert.match((await verify(dir)).out, /^CUT OFF: the commit with the hash/m);
  await assertRefused(dir, /was cut off or replaced: slot \d+ .* it ends at slot \d+; .*remove .*log-head\.json/);
  await rm(join(dir, 'log-head.json'));
  const expected = await verify(dir, '--expect-head', hash);
  assert.is(expected.code, 1);
  const up = await startUp(dir);
  assert.ok(up.url, up.errors());
  assert.is(await up.end(), 0);
  assert.is((await verify(dir)).code, 0, 'what was ahead of the log was made again');
});

test('an empty file where a cluster was is no new cluster', async ({ dir }) => {
  for (const file of ['events.sqlite-wal', 'events.sqlite-shm']) await rm(join(dir, file), { force: true });
  await truncate(join(dir, 'events.sqlite'));
  await assertRefused(dir, /was cut off or replaced/);
  await rm(join(dir, 'log-head.json'));
  await assertRefused(dir, /is empty, and .* is noted for cluster .*restore the log from a backup/);
});

test('a damaged page of a table beside the commits is named, with what mends it', async ({ dir }) => {
  const database = new DatabaseSync(join(dir, 'events.sqlite'));
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  const { rootpage } = database.prepare(`SELECT rootpage FROM sqlite_schema WHERE name = 'versions'`).get() as {
    rootpage: number;
  };
  const { page_size: size } = database.prepare('PRAGMA page_size').get() as { page_size: number };
  database.close();
  const path = join(dir, 'events.sqlite');
  const bytes = await readFile(path);
  bytes.fill(0xff, (rootpage - 1) * size, rootpage * size);
  await writeFile(path, bytes);
  const { code, out, err } = await verify(dir);
  assert.is(code, 1, err);
  assert.match(out, /^DAMAGED: .*export and import/m);
  await assertRefused(dir, /coctl export and import make a whole file/);
});

test.run();
