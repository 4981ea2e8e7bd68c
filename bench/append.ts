/**
 * Measures appending: one event after the other, and many at once. Each log beside its bare driver, which writes the very
 * commits that the log formed, with the same durability, turning the same events into its own form. SQLite's driver
 * blocks its caller, so it works in a thread of its own on both sides. A virtual disk may answer a flush in a tenth
 * of a millisecond, so a disk that takes one more is simulated beside it.
 */

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { WriteConcern } from 'mongodb';
import { systemClock } from '../src/clock.ts';
import { createCommitLog } from '../src/events/log/commit-log.ts';
import type { CommitStore } from '../src/events/log/commit-store.ts';
import type { EventLog } from '../src/events/log/event-log.ts';
import type { Commit, NewEvent } from '../src/events/schema/event.ts';
import { createMongoClient } from '../src/events/stores/mongo/mongo-connection.ts';
import { createMongoStore } from '../src/events/stores/mongo/mongo-store.ts';
import { createSqliteStore } from '../src/events/stores/sqlite/sqlite-store.ts';
import { silentLogger } from '../src/logger.ts';
import { specOf } from '../test/support/specs.ts';
import type { BareRow } from './append-bare-sqlite.ts';
import { type BenchRow, median } from './table.ts';

const singles = 1_500;
const grouped = 20_000;
/** As many as the HTTP benchmark has clients. */
const inFlight = 64;
const rounds = 3;
/** Of one event after the other. How many share a commit, and so the figure of many at once, is left to the machine. */
const shareMin = 0.8;
/** What a flush takes on most disks that keep their word. */
const slowFlushMs = 1;

/** A log and, beside it, a way to write commits that knows nothing of logs. */
type Pair = { log: EventLog; writeBare(commits: readonly Commit[]): Promise<void>; close(): Promise<void> };
type Kind = { name: string; open(): Promise<Pair> };

export async function benchAppend(): Promise<BenchRow[]> {
  const url = process.env.CO_TEST_MONGODB_URL;
  const kinds: Kind[] = [
    { name: 'sqlite', open: () => openSqlite(0) },
    { name: `sqlite, flushes ${slowFlushMs} ms slower (simulated)`, open: () => openSqlite(slowFlushMs) },
  ];
  if (url)
    kinds.push({ name: `mongodb (${process.env.CO_TEST_MONGODB_KIND ?? 'as given'})`, open: () => openMongo(url) });
  const rows: BenchRow[] = [];
  for (const kind of kinds) {
    const singly = await compare(kind, 'one event after the other', singles, appendSingly);
    rows.push({ ...singly, target: `≥ ${shareMin}`, met: singly.ratio !== null && singly.ratio >= shareMin });
    rows.push(await compare(kind, `${inFlight} in flight`, grouped, appendTogether));
  }
  return rows;
}

async function compare(
  { name, open }: Kind,
  how: string,
  events: number,
  append: (log: EventLog, count: number) => Promise<void>,
): Promise<BenchRow> {
  const ours: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const pair = await open();
    try {
      await append(pair.log, 200);
      const { slot } = await pair.log.head();
      ours.push(await time(() => append(pair.log, events)));
      const commits = await readAfter(pair.log, slot);
      bare.push(await time(() => pair.writeBare(commits)));
    } finally {
      await pair.close();
    }
  }
  const share = median(bare) / median(ours);
  return {
    name: `append to ${name}, ${how}, over the bare driver`,
    value: `${Math.round((events / median(ours)) * 1000)} events/s`,
    ratio: share,
    target: '',
    met: null,
  };
}

async function appendSingly(log: EventLog, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) await log.append([request(n)]);
}

async function appendTogether(log: EventLog, count: number): Promise<void> {
  let next = 0;
  const client = async () => {
    while (next < count) {
      next += 1;
      await log.append([request(next)]);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, client));
}

function request(n: number): NewEvent {
  const service = `service-${n}`;
  const members = { replicas: 3, container: specOf('nginx'), specHash: '0123456789abcdef' };
  const data = { service, generation: 1, changed: true, ...members };
  return { stream: `service/${service}`, type: 'ServiceRequested', data, meta: { actor: 'bench', causationId: null } };
}

async function readAfter(log: EventLog, slot: number): Promise<Commit[]> {
  const commits: Commit[] = [];
  for (let after = slot; ; after = commits.at(-1)!.slot) {
    const page = await log.readCommits({ afterSlot: after });
    if (page.length === 0) return commits;
    commits.push(...page);
  }
}

async function time(run: () => Promise<void>): Promise<number> {
  const startedMs = performance.now();
  await run();
  return performance.now() - startedMs;
}

/** @param slowerMs of a flush, on both sides */
async function openSqlite(slowerMs: number): Promise<Pair> {
  const folder = await mkdtemp(join(tmpdir(), 'co-bench-'));
  const sqlite = await createSqliteStore({ path: join(folder, 'events.sqlite') });
  const flush = slowerMs > 0 ? () => pause(slowerMs) : () => null;
  const insert: CommitStore['insert'] = async (prepared) => {
    await flush();
    return sqlite.insert(prepared);
  };
  const store = { ...sqlite, insert };
  const log = await createCommitLog({ store, clock: systemClock, logger: silentLogger }, { writer: 'bench' });
  const bare = new Worker(new URL('./append-bare-sqlite.ts', import.meta.url), {
    workerData: join(folder, 'bare.sqlite'),
  });
  await once(bare, 'message');
  return {
    log,
    async writeBare(commits) {
      for (const { slot, events, ...header } of commits) {
        await flush();
        bare.postMessage([slot, JSON.stringify(header), JSON.stringify(events)] satisfies BareRow);
        await once(bare, 'message');
      }
    },
    async close() {
      await bare.terminate();
      await log.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function openMongo(url: string): Promise<Pair> {
  const client = createMongoClient(url);
  const db = client.db(`co-bench-${randomUUID().slice(0, 8)}`);
  const store = await createMongoStore({ db, logger: silentLogger }, { description: 'mongodb' });
  const log = await createCommitLog({ store, clock: systemClock, logger: silentLogger }, { writer: 'bench' });
  const writeConcern = { w: 'majority', journal: true } as unknown as WriteConcern;
  const bare = db.collection<{ _id: number }>('bare', { writeConcern });
  return {
    log,
    async writeBare(commits) {
      for (const { slot, ...commit } of commits) await bare.insertOne({ _id: slot, ...commit });
    },
    async close() {
      await log.close();
      await db.dropDatabase();
      await client.close();
    },
  };
}
