/** The embedded log's file: one writer, readers beside it, crashes, damage, and what a newer program wrote. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open as openFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { systemClock } from '../../../../src/clock.ts';
import { createCommitLog } from '../../../../src/events/log/commit-log.ts';
import { emptyHead } from '../../../../src/events/log/event-log.ts';
import { canonicalJson } from '../../../../src/events/schema/canonical-json.ts';
import type { Commit } from '../../../../src/events/schema/event.ts';
import { hashBody, hashCommit } from '../../../../src/events/schema/hash.ts';
import { createSqliteStore } from '../../../../src/events/stores/sqlite/sqlite-store.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { createProjector } from '../../../../src/projections/live/projector.ts';
import { fact, readAll, verifyChain } from '../../../support/log/log-events.ts';
import { refusal } from '../../../support/refusal.ts';
import { until } from '../../../support/wait.ts';

const test = suite('sqlite log');
let folder: string;
let path: string;

test.before.each(async () => {
  folder = await mkdtemp(join(tmpdir(), 'co-sqlite-'));
  path = join(folder, 'events.sqlite');
});
test.after.each(() => rm(folder, { recursive: true, force: true }));

async function openLog(options: { isReadOnly?: boolean } = {}) {
  const store = await createSqliteStore({ path, ...options });
  try {
    return await createCommitLog({ store, clock: systemClock, logger: silentLogger }, { writer: 'test' });
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** The tests' own hand at the file. */
function edit(statement: string, ...values: (string | number)[]): void {
  const database = new DatabaseSync(path);
  database.prepare(statement).run(...values);
  database.close();
}

test('a second writer is refused by name of the file, and may come when the first is gone', async () => {
  const log = await openLog();
  const refused = await refusal(() => openLog());
  assert.is(refused.code, 'log_locked');
  assert.match(refused.message, path);
  await log.close();
  await (await openLog()).close();
});

test('a reader beside the writer sees what is decided and cannot write', async () => {
  const log = await openLog();
  await log.append([fact('a')]);
  const reader = await openLog({ isReadOnly: true });
  assert.is((await readAll(reader)).length, 1);
  await log.append([fact('b')]);
  assert.is((await readAll(reader)).length, 2);
  const refused = await refusal(() => reader.append([fact('c')], { deadlineMs: 200 }));
  assert.is(refused.code, 'log_read_only');
  await Promise.all([reader.close(), log.close()]);
});

test('a log that is not there cannot be read', async () => {
  assert.is((await refusal(() => openLog({ isReadOnly: true }))).code, 'log_missing');
});

test('killed in the middle of appending, again and again: what was acknowledged is there', async () => {
  const program = fileURLToPath(new URL('../../../support/log/append-loop.ts', import.meta.url));
  for (let round = 0; round < 4; round += 1) {
    const writer = spawn(process.execPath, [program, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    let told = '';
    writer.stdout.on('data', (chunk: Buffer) => {
      told += String(chunk);
    });
    const exited = once(writer, 'exit');
    await until('it appends', () => told.split('\n').length > 20, 15_000);
    writer.kill('SIGKILL');
    await exited;
    const acknowledged = Number(told.trimEnd().split('\n').at(-1));
    const log = await openLog();
    assert.ok((await log.head()).position >= acknowledged);
    const commits = [];
    for (let slot = 0; ; slot = commits.at(-1)!.slot) {
      const page = await log.readCommits({ afterSlot: slot });
      if (page.length === 0) break;
      commits.push(...page);
    }
    verifyChain(commits);
    const versions = (await readAll(log))
      .filter(({ stream }) => stream === 'service/all')
      .map(({ version }) => version);
    assert.equal(
      versions,
      versions.map((_, index) => index + 1),
    );
    await log.close();
  }
});

test('a file that is no database is refused, and said which', async () => {
  await writeFile(path, 'this is not the file you are looking for, though it is long enough to be read as one');
  const refused = await refusal(() => openLog());
  assert.is(refused.code, 'log_corrupt');
  assert.match(refused.message, path);
});

test('damage in the middle of the file is refused, and said where', async () => {
  const log = await openLog();
  for (let n = 0; n < 400; n += 1) await log.append([fact('a', { text: 'x'.repeat(900) })]);
  await log.close();
  const file = await openFile(path, 'r+');
  const { size } = await file.stat();
  await file.write(Buffer.alloc(4096 * 4, 0xff), 0, 4096 * 4, Math.floor(size / 2 / 4096) * 4096);
  await file.close();
  const refused = await refusal(async () => {
    const damaged = await openLog();
    const projector = createProjector({ log: damaged, logger: silentLogger, clock: systemClock });
    try {
      await projector.start();
    } finally {
      await projector.close();
      await damaged.close();
    }
  });
  assert.match(refused.message, /malformed|damaged|corrupt/);
});

test('a call after the close is refused, and starts no thread again', async () => {
  const store = await createSqliteStore({ path });
  await store.close();
  const refused = await refusal(() => store.head());
  assert.is(refused.code, 'log_closed');
  await store.close();
});

test('a commit whose text is broken is refused with its slot', async () => {
  const log = await openLog();
  for (const service of ['a', 'b', 'c', 'd']) await log.append([fact(service)]);
  await log.close();
  edit("UPDATE commits SET events = '[{broken' WHERE slot = 2");
  const refused = await refusal(() => openLog());
  assert.is(refused.code, 'log_corrupt');
  assert.match(refused.message, /slot 2/);
});

/** As a program would have written them that knows more types: every hash is right. */
function writeAsNewerProgram(change: (events: string) => string): void {
  const database = new DatabaseSync(path);
  const rows = database.prepare('SELECT * FROM commits ORDER BY slot').all() as Record<string, string | number>[];
  const update = database.prepare('UPDATE commits SET events = ?, bodyHash = ?, hash = ? WHERE slot = ?');
  let previous = emptyHead.hash;
  for (const row of rows) {
    const events = change(String(row.events));
    const bodyHash = hashBody((JSON.parse(events) as unknown[]).map(canonicalJson));
    const commit = { ...row, appends: JSON.parse(String(row.appends)), bodyHash } as unknown as Commit;
    previous = hashCommit(previous, commit);
    update.run(events, bodyHash, previous, Number(row.slot));
  }
  database.close();
}

test('an event type that nobody knows is refused at start with its position, never skipped', async () => {
  const log = await openLog();
  for (const service of ['a', 'b', 'c', 'd']) await log.append([fact(service)]);
  await log.close();
  let events = 0;
  writeAsNewerProgram((text) => {
    events += 1;
    return events === 2 ? text.replaceAll('AlarmRaised', 'AlarmInvented') : text;
  });
  const newer = await openLog();
  const projector = createProjector({ log: newer, logger: silentLogger, clock: systemClock });
  const refused = await refusal(() => projector.start());
  assert.is(refused.code, 'fold_failed');
  assert.match(refused.message, /position 2 .*AlarmInvented is unknown/);
  await projector.close();
  await newer.close();
});

test('what a crash left unindexed is indexed before anything is judged by it', async () => {
  const log = await openLog();
  for (let n = 0; n < 5; n += 1) await log.append([fact('a')]);
  await log.close();
  edit("UPDATE versions SET version = 2 WHERE stream = 'service/a'");
  edit('UPDATE indexed SET slot = 2');
  const shell = new DatabaseSync(path);
  shell.exec('BEGIN IMMEDIATE');
  const refused = await refusal(() => openLog());
  assert.is(refused.code, 'log_unavailable');
  shell.exec('ROLLBACK');
  shell.close();
  const again = await openLog();
  await again.append([fact('a')], { expect: [{ stream: 'service/a', version: 5 }] });
  await again.close();
});

test('a file of another format is refused', async () => {
  await (await openLog()).close();
  edit('PRAGMA user_version = 99');
  const refused = await refusal(() => openLog());
  assert.is(refused.code, 'log_corrupt');
  assert.match(refused.message, /format 99/);
});

test.run();
