/**
 * Runs `npm run bench:replay`: how fast history is read again, what that costs in memory, how soon a manager is up on a
 * long log, and how long a question about the past takes. `--large` adds ten million events; with CO_TEST_MONGODB_URL
 * the wire of MongoDB is measured too.
 */

import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createMongoClient } from '../src/events/stores/mongo/mongo-connection.ts';
import { createMongoStore } from '../src/events/stores/mongo/mongo-store.ts';
import { createSqliteStore } from '../src/events/stores/sqlite/sqlite-store.ts';
import { silentLogger } from '../src/logger.ts';
import { fillStore } from './replay-log.ts';
import type { Measured, MeasuredManager } from './replay-process.ts';
import { type BenchRow, median, printTable } from './table.ts';
import { takeSnapshots } from './take-snapshots.ts';

const million = 1_000_000;
const rounds = 3;
const wireShareMin = 0.8;
/** Garbage included, however long the history. */
const peakBytesMax = 256 * 2 ** 20;
/** A view holds what there is now, not what there ever was. */
const growthMax = 1.25;
/** Of a manager on a log with snapshots, its process being up; and of a question about the past. */
const promptMs = 1_000;
const mongodbEvents = 200_000;

const sizeOf = (events: number) =>
  events >= million ? `${Math.round(events / million)} M` : `${Math.round(events / 1000)} k`;
const megabytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;
const rateOf = ({ events, ms }: Measured) => `${Math.round((events / ms) * 1000)} events/s`;
const informs = (name: string, value: string, ratio: number | null = null): BenchRow => ({
  name,
  value,
  ratio,
  target: '',
  met: null,
});

const promptly = (name: string, ms: number, ratio: number | null = null): BenchRow => ({
  ...informs(name, `${Math.round(ms)} ms`, ratio),
  target: `≤ ${promptMs} ms`,
  met: ms <= promptMs,
});
const peakOf = (name: string, { peakBytes }: Measured, growth: number | null = null): BenchRow => ({
  ...informs(name, megabytes(peakBytes), growth),
  target: `≤ ${megabytes(peakBytesMax)}`,
  met: peakBytes <= peakBytesMax,
});

const program = fileURLToPath(new URL('replay-process.ts', import.meta.url));

async function measure<T = Measured>(what: string, where: string): Promise<T> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', program, what, where], {
    maxBuffer: 2 ** 24,
  });
  return JSON.parse(stdout) as T;
}

/** The one of middle speed. */
async function measureMedian(what: string, where: string): Promise<Measured> {
  const all: Measured[] = [];
  for (let round = 0; round < rounds; round += 1) all.push(await measure(what, where));
  const middle = median(all.map(({ ms }) => ms));
  return all.find(({ ms }) => ms === middle)!;
}

async function fillFile(folder: string, events: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  const startedMs = performance.now();
  await fillStore(await createSqliteStore({ path: join(folder, 'events.sqlite') }), events);
  console.error(`${sizeOf(events)} events written in ${((performance.now() - startedMs) / 1000).toFixed(0)} s`);
}

async function benchFile(folder: string, events: number, before: Measured | null): Promise<BenchRow[]> {
  const size = sizeOf(events);
  const parsed = await measureMedian('parse', folder);
  const replayed = await measureMedian('replay', folder);
  const verified = await measureMedian('verify', folder);
  const share = parsed.ms / replayed.ms;
  const over = before ? `, over that of ${sizeOf(before.events)}` : '';
  const peakGrowth = before && replayed.peakBytes / before.peakBytes;
  const growth = before && replayed.heldBytes / before.heldBytes;
  return [
    informs(`reading and parsing ${size} events from SQLite, nothing else`, rateOf(parsed)),
    informs(`replay of ${size} events from SQLite, over reading and parsing`, rateOf(replayed), share),
    informs(`verify of ${size} events, over replay`, rateOf(verified), replayed.ms / verified.ms),
    peakOf(`peak memory of that replay${over}`, replayed, peakGrowth),
    {
      ...informs(`what it holds in the end${over}`, megabytes(replayed.heldBytes), growth),
      ...(growth === null ? {} : { target: `≤ ${growthMax}`, met: growth <= growthMax }),
    },
  ];
}

/** Last, for it writes to the log. */
async function benchManager(folder: string, events: number): Promise<BenchRow[]> {
  const size = sizeOf(events);
  const without = await measure<MeasuredManager>('manager-start', folder);
  await takeSnapshots(folder);
  const { startMs, atMs } = await measure<MeasuredManager>('manager', folder);
  const sorted = atMs.toSorted((a, b) => a - b);
  const name = `${sorted.length} questions of ?at= over ${size} events`;
  return [
    informs(`start of a manager on ${size} events without a snapshot`, `${Math.round(without.startMs)} ms`),
    promptly('the same with snapshots, over without', startMs, startMs / without.startMs),
    informs(`${name}, p50`, `${Math.round(median(atMs))} ms`),
    promptly(`${name}, p99`, sorted[Math.ceil(sorted.length * 0.99) - 1]!),
  ];
}

async function benchMongodb(url: string): Promise<BenchRow[]> {
  const database = `co-bench-replay-${process.pid}`;
  const at = new URL(url);
  at.pathname = `/${database}`;
  const client = createMongoClient(url);
  try {
    const store = await createMongoStore({ db: client.db(database), logger: silentLogger }, { description: 'mongodb' });
    await fillStore(store, mongodbEvents);
    const read = await measureMedian('read', at.href);
    const replayed = await measureMedian('replay', at.href);
    const verified = await measureMedian('verify', at.href);
    const share = read.ms / replayed.ms;
    const kind = process.env.CO_TEST_MONGODB_KIND === 'replica-set' ? 'MongoDB' : 'MongoDB, or what stands in for it';
    const size = sizeOf(mongodbEvents);
    return [
      informs(`reading ${size} events over the wire of ${kind}`, rateOf(read)),
      {
        ...informs('replay of them, over reading', rateOf(replayed), share),
        target: `≥ ${wireShareMin}`,
        met: share >= wireShareMin,
      },
      informs('verify of them, over replay', rateOf(verified), replayed.ms / verified.ms),
    ];
  } finally {
    await client.db(database).dropDatabase();
    await client.close();
  }
}

const root = await mkdtemp(join(tmpdir(), 'co-bench-replay-'));
const rows: BenchRow[] = [];
try {
  const quarter = join(root, 'quarter');
  const whole = join(root, 'million');
  await fillFile(quarter, million / 4);
  const few = await measureMedian('replay', quarter);
  rows.push(peakOf(`peak memory of a replay of ${sizeOf(million / 4)} events`, few));
  rows.push(informs('what it holds in the end', megabytes(few.heldBytes)));
  await fillFile(whole, million);
  rows.push(...(await benchFile(whole, million, few)));
  rows.push(...(await benchManager(whole, million)));
  if (process.argv.includes('--large')) {
    const large = join(root, 'large');
    await fillFile(large, 10 * million);
    rows.push(...(await benchFile(large, 10 * million, few)));
    rows.push(...(await benchManager(large, 10 * million)));
  }
  const mongodbUrl = process.env.CO_TEST_MONGODB_URL;
  if (mongodbUrl) rows.push(...(await benchMongodb(mongodbUrl)));
  else console.error('skipped: MongoDB, for CO_TEST_MONGODB_URL is not set');
} finally {
  await rm(root, { recursive: true, force: true });
}
printTable(rows);
process.exit(rows.some(({ met }) => met === false) ? 1 : 0);
