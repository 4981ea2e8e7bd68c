/** The command `coctl replay` on a file and on a database: any point in time from the log alone, collections healed, history played again. */

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLogForReading } from '../../../src/events/open-log.ts';
import { replay } from '../../../src/history/replay/replay.ts';
import { silentLogger } from '../../../src/logger.ts';
import { stateBody } from '../../../src/projections/rows/state-bodies.ts';
import { takeSnapshot } from '../../../src/projections/snapshots/snapshot.ts';
import { createSnapshotFiles } from '../../../src/projections/snapshots/snapshot-files.ts';
import { coctl } from '../../support/cluster/cli.ts';
import { timeOf } from '../../support/log/history.ts';
import { mongodbUrl } from '../../support/log/logs.ts';
import { type RecordedFile, recordDatabase, recordFile } from '../../support/log/recorded-log.ts';

const file = suite('coctl replay: a file');
let recorded: RecordedFile;
const run = (...args: string[]) => coctl(['replay', '--sqlite', recorded.path, ...args]);

async function viewOf(to: { position: number } | 'head') {
  const { log, close } = await openLogForReading({ sqlitePath: recorded.path }, { logger: silentLogger });
  const view = await replay({ log, logger: silentLogger }, { to });
  const slot = (await log.head()).slot;
  const [commit] = await log.readCommits({ afterSlot: slot - 1 });
  await close();
  return { view, commit: commit! };
}

file.before.each(async () => {
  recorded = await recordFile();
});
file.after.each(() => recorded.remove());

file('tells what it folded and how fast', async () => {
  const { code, out } = await run();
  assert.is(code, 0);
  assert.match(out, /^replayed [\d,]+ events of sqlite .* in [\d.]+ s, [\d,]+ events\/s\nposition \d+, 2026-01-01 /);
  assert.match(out, /3 services, 6 nodes, 12 containers/);
});

file('--at shows the three views as they stood', async () => {
  const { code, out } = await run('--at', '20');
  assert.is(code, 0);
  for (const title of [/^SERVICE /m, /^NODE /m, /^CONTAINER /m]) assert.match(out, title);
  assert.match(out, /at position 20,/);
});

file('on a terminal its tables have colours, and each row is one line', async () => {
  for (const columns of [60, 100]) {
    const args = ['replay', '--sqlite', recorded.path, '--at', '20'];
    const [coloured, plain] = [
      await coctl(args, { columns }),
      await coctl(args, { columns, environment: { NO_COLOR: '1' } }),
    ].map(({ out }) => out.slice(out.indexOf('\nSERVICE')));
    assert.ok(coloured!.includes('\u001b['));
    assert.is(stripVTControlCharacters(coloured!), plain);
  }
});

file('--at --json is the body of GET /state', async () => {
  const { json } = await run('--at', '20', '--json');
  const { view } = await viewOf({ position: 20 });
  const expected = JSON.parse(JSON.stringify(stateBody(view, { log: '', bus: '' })));
  assert.equal({ ...json(), log: '', bus: '' }, expected);
});

file('a time means the last commit that is not later', async () => {
  const at = (await run('--at', timeOf(8), '--json')).json();
  assert.is(at.at, timeOf(8));
  assert.is((await run('--at', timeOf(8.5), '--json')).json().position, at.position);
});

file('points in time that are none, before the log or not yet come are refused, each with its exit code', async () => {
  for (const [point, code] of [
    ['0', 2],
    ['noon', 2],
    ['2026-13-45T00:00:00Z', 2],
    ['99999999', 1],
    [timeOf(-5), 1],
    ['2999-01-01T00:00:00Z', 1],
  ] as const) {
    assert.is((await run('--at', point)).code, code, point);
  }
});

file('no log to read is exit code 3', async () => {
  const missing = await coctl(['replay', '--sqlite', join(recorded.folder, 'nothing.sqlite')]);
  assert.is(missing.code, 3);
  assert.match(missing.err, /log_missing/);
  await writeFile(join(recorded.folder, 'text.sqlite'), 'no database '.repeat(1000));
  assert.is((await coctl(['replay', '--sqlite', join(recorded.folder, 'text.sqlite')])).code, 3);
});

file('without an option it finds the log of the data folder', async () => {
  const { code } = await coctl(['replay'], { environment: { CO_DATA_DIR: recorded.folder } });
  assert.is(code, 0);
});

file('what goes together with nothing is wrong usage', async () => {
  for (const args of [
    ['--rebuild'],
    ['--speed', '0'],
    ['--from', ''],
    ['--speed', 'fast'],
    ['--mongodb', 'x'],
    ['--from', '1', '--at', '2'],
  ]) {
    const { code, err } = await run(...args);
    assert.is(code, 2, args.join(' '));
    assert.match(err, /^error: [^\n]+\n\(--help says how\)\n$/);
  }
});

file('an event that cannot be folded is named; --skip-bad goes on without its stream', async () => {
  recorded.tamper(
    `UPDATE commits SET events = replace(events, 'ContainerRunning', 'ContainerDancing') WHERE slot = 13`,
  );
  const whole = await run();
  assert.is(whole.code, 1);
  assert.match(whole.err, /ContainerDancing/);
  const { code, out, err } = await run('--skip-bad');
  assert.is(code, 1);
  assert.match(err, /skipped position \d+, ContainerDancing on container\//);
  assert.match(out, /^position \d+/m);
});

file('a snapshot makes it quicker, and a damaged one changes nothing', async () => {
  const { view, commit } = await viewOf('head');
  const files = createSnapshotFiles(join(recorded.folder, 'snapshots'));
  const snapshot = await takeSnapshot(view, commit);
  await files.save(snapshot);
  const state = async (...args: string[]) => (await run('--json', ...args)).out;
  const expected = await state();
  const quick = await run('--quick', '--json');
  assert.is(quick.out, expected);
  assert.match(quick.err, /^replayed 0 events/);
  const bytes = Buffer.from(snapshot.bytes);
  bytes[bytes.length >> 1]! ^= 1;
  for (const damaged of [
    { ...snapshot, bytes },
    { ...snapshot, bytes: bytes.subarray(9) },
    { ...snapshot, position: 1 },
  ]) {
    await files.save(damaged);
    assert.is(await state('--quick'), expected);
  }
  await mkdir(join(recorded.folder, 'snapshots', 'x.snapshot'));
  assert.is(await state('--quick'), expected);
});

file('plays a part of the history, a sentence a line', async () => {
  const { code, out } = await run('--from', '8', '--to', '12', '--speed', 'max');
  assert.is(code, 0);
  const lines = out.trim().split('\n');
  assert.equal(
    lines.map((line) => line.split('  ')[1]),
    ['8', '9', '10', '11', '12'],
  );
  assert.match(lines[0]!, /^2026-01-01 00:00:0\d\.000 {2}8 {2}.*service-0/);
});

file('time passes between events as it did, divided by the speed', async () => {
  const startedMs = performance.now();
  const { code } = await run('--from', timeOf(1), '--to', timeOf(6), '--speed', '10');
  assert.is(code, 0);
  assert.ok(performance.now() - startedMs >= 499);
});

file('Ctrl-C ends a play in the middle of a wait', async () => {
  const stop = new AbortController();
  const onOut = () => stop.abort();
  const args = ['replay', '--sqlite', recorded.path, '--from', '1', '--speed', '0.0001'];
  const { code, out } = await coctl(args, { signal: stop.signal, onOut });
  assert.is(code, 130);
  assert.is(out.trim().split('\n').length, 1);
});

file.run();

const database = suite('coctl replay: MongoDB');
const names = ['node_config', 'container_config', 'service_config'];

database('--rebuild restores collections that were dropped or tampered with, byte for byte', async () => {
  const { db, url, remove } = await recordDatabase(mongodbUrl!, `co-test-rebuild-${process.pid}`);
  const rebuild = () => coctl(['replay', '--rebuild'], { environment: { CO_MONGODB_URL: url } });
  const bytesOf = async () => {
    const found = names.map((name) =>
      db
        .collection(name, { raw: true })
        .find({}, { sort: { _id: 1 } })
        .toArray(),
    );
    return (await Promise.all(found)).map((rows) => rows.map((row) => (row as unknown as Buffer).toString('hex')));
  };
  try {
    assert.is((await rebuild()).code, 0);
    const first = await bytesOf();
    assert.ok(first.every((rows) => rows.length > 0));
    await db.collection('service_config').drop();
    await db.collection('container_config').updateMany({}, { $set: { state: 'dancing' } });
    await db.collection<{ _id: string }>('node_config').insertOne({ _id: 'ghost' });
    await db.collection('checkpoints').drop();
    const { code, err } = await rebuild();
    assert.is(code, 0);
    assert.match(err, /service_config is rebuilt: 3 rows/);
    assert.equal(await bytesOf(), first);
    assert.is((await coctl(['replay', '--mongodb', url, '--at', '20', '--json'])).json().position, 20);
  } finally {
    await remove();
  }
});

database('a database without a log is exit code 3, and nothing is made in it', async () => {
  const { db, url, remove } = await recordDatabase(mongodbUrl!, `co-test-none-${process.pid}`);
  try {
    await db.dropDatabase();
    assert.is((await coctl(['replay', '--mongodb', url])).code, 3);
    assert.equal(await db.listCollections().toArray(), []);
  } finally {
    await remove();
  }
});

if (mongodbUrl) database.run();
else {
  const skipped = suite('coctl replay: MongoDB');
  console.log('skipped: CO_TEST_MONGODB_URL is not set');
  skipped.skip('collections in MongoDB');
  skipped.run();
}
