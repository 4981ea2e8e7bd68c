/** Import, export and prune as processes that are killed in the middle: what is done is whole, and the next one goes on. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLogForReading } from '../../../../src/events/open-log.ts';
import type { EventData } from '../../../../src/events/schema/catalog.ts';
import type { Commit } from '../../../../src/events/schema/event.ts';
import { createSqliteStore } from '../../../../src/events/stores/sqlite/sqlite-store.ts';
import { partialOf } from '../../../../src/history/archive/partial-file.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { coctl } from '../../../support/cluster/cli.ts';
import { fillLog } from '../../../support/log/full-log.ts';
import { readAllCommits, verifyChain } from '../../../support/log/log-events.ts';
import { until } from '../../../support/wait.ts';

const test = suite('killed in the middle');
/** Long enough to be in the middle of it, whatever the machine. */
const rounds = 1_600;
const program = fileURLToPath(new URL('../../../../src/cli/main.ts', import.meta.url));

/** The story has a record of its own, up to here: a pass begins behind it. */
const recordedSlot = 11;

let folder: string;
const at = (name: string) => join(folder, name);
const source = () => at('source.sqlite');

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'co-crash-'));
  const place = { openStore: () => createSqliteStore({ path: source() }), remove: async () => {} };
  await fillLog(place, { rounds });
});
test.after(() => rm(folder, { recursive: true, force: true }));

/** Kills as soon as the condition holds. @returns whether it was still at work */
async function killWhen(args: string[], what: string, condition: () => boolean | Promise<boolean>): Promise<boolean> {
  const child = spawn(process.execPath, [program, ...args], { stdio: 'ignore' });
  const exited = once(child, 'exit');
  const isOver = () => child.exitCode !== null;
  await until(what, async () => isOver() || (await condition()), 30_000);
  child.kill('SIGKILL');
  const [, signal] = await exited;
  return signal === 'SIGKILL';
}

/** The tests' own look at a file that another process writes; null while there is nothing to see. */
function ask(path: string, sql: string): number | null {
  try {
    const database = new DatabaseSync(path, { readOnly: true });
    try {
      return (database.prepare(sql).get() as { found: number | null }).found;
    } finally {
      database.close();
    }
  } catch {
    return null;
  }
}

async function commitsOf(path: string): Promise<Commit[]> {
  const { log, close } = await openLogForReading({ sqlitePath: path }, { logger: silentLogger });
  try {
    return await readAllCommits(log);
  } finally {
    await close();
  }
}

const run = async (...args: string[]) => {
  const { code, out, err } = await coctl(args);
  assert.is(code, 0, err);
  return out;
};

test('an import goes on where it stopped, to the same log', async () => {
  await run('export', at('log.ndjson.gz'), '--sqlite', source());
  const target = at('imported.sqlite');
  const args = ['import', at('log.ndjson.gz'), '--sqlite', target];
  let kills = 0;
  for (const share of [0.1, 0.4, 0.7]) {
    const slots = rounds * 2 * share;
    const look = () => (ask(target, 'SELECT max(slot) AS found FROM commits') ?? 0) > slots;
    if (await killWhen(args, `slot ${slots} is imported`, look)) kills += 1;
  }
  assert.ok(kills > 0, 'it was never in the middle');
  const written = await commitsOf(source());
  const before = await commitsOf(target);
  assert.ok(before.length < written.length);
  assert.equal(before, written.slice(0, before.length));
  const out = await run(...args);
  assert.match(out, /commits were there already/);
  assert.equal(await commitsOf(target), written);
});

test('an export leaves no file of its name, and goes on to the same bytes', async () => {
  await run('export', at('whole.ndjson'), '--sqlite', source());
  const whole = await readFile(at('whole.ndjson'), 'utf8');
  for (const name of ['cut.ndjson', 'cut.ndjson.gz']) {
    const bytesOf = async () => (await stat(partialOf(at(name))).catch(() => ({ size: 0 }))).size;
    const wasKilled = await killWhen(
      ['export', at(name), '--sqlite', source()],
      'it writes',
      async () => (await bytesOf()) > 20_000,
    );
    assert.ok(wasKilled, 'it was done before it could be killed');
    assert.is(await stat(at(name)).catch(() => null), null);
    assert.match(await run('export', at(name), '--resume', '--sqlite', source()), /gone on with after slot \d+/);
    const bytes = await readFile(at(name));
    assert.is(String(name.endsWith('.gz') ? gunzipSync(bytes) : bytes), whole);
  }
});

test('a prune goes on behind the last record, and its own record is true', async () => {
  const day = 24 * 3_600_000;
  const before = await commitsOf(source());
  const pruner = fileURLToPath(new URL('../../../support/log/prune-slowly.ts', import.meta.url));
  const pruneWith = (pauseMs: number) =>
    spawn(process.execPath, [pruner, source(), `${day}`, `${pauseMs}`], { stdio: ['ignore', 'pipe', 'inherit'] });
  const killed = pruneWith(60_000);
  await once(killed.stdout, 'data');
  killed.kill('SIGKILL');
  await once(killed, 'exit');
  const half = await commitsOf(source());
  verifyChain(half);
  const countPruned = (commits: Commit[]) => commits.filter(({ events }) => events === null).length;
  assert.ok(countPruned(half) > 0);
  assert.is(half.length, before.length, 'it has not come to its record');

  await once(pruneWith(0), 'exit');
  const after = await commitsOf(source());
  verifyChain(after);
  const cutoff = new Date(Date.parse(before.at(-1)!.at) - day).toISOString();
  for (const [index, commit] of before.entries()) {
    const isOld = commit.class === 'telemetry' && commit.at <= cutoff && commit.slot > recordedSlot;
    assert.equal(after[index], isOld ? { ...commit, events: null } : commit);
  }
  const [record] = after.at(-1)!.events!;
  assert.is(record?.type, 'HistoryPruned');
  const { commits, throughSlot } = record!.data as EventData<'HistoryPruned'>;
  assert.is(commits, countPruned(after) - countPruned(half));
  assert.is(throughSlot, before.findLast((commit) => commit.at <= cutoff)!.slot);
});

test('a file shrinks when it is told to, and says by how much', async () => {
  const before = await commitsOf(source());
  const out = await run('prune', '--older-than', '1h', '--vacuum', '--sqlite', source());
  const [, from = '', to = ''] = /([\d.]+) MB before, ([\d.]+) MB now/.exec(out) ?? [];
  assert.ok(Number(to) < Number(from), out);
  assert.is((await commitsOf(source())).length >= before.length, true);
  assert.match(await run('verify', '--sqlite', source()), /the chain is whole/);
});

test.run();
