/**
 * Measures replay: a million events from SQLite, folded, beside reading and parsing them alone; and what a container
 * costs in a manager's memory.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { systemClock } from '../src/clock.ts';
import { createCommitLog } from '../src/events/log/commit-log.ts';
import { createSqliteStore } from '../src/events/stores/sqlite/sqlite-store.ts';
import { silentLogger } from '../src/logger.ts';
import { createProjector } from '../src/projections/live/projector.ts';
import { busyCluster, type HistoryShape, writeHistory } from './fold-history.ts';
import { type BenchRow, median } from './table.ts';

const events = 1_000_000;
const rounds = 3;
const containers = 100_000;

export async function benchFold(): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'co-bench-'));
  try {
    const path = join(folder, 'events.sqlite');
    await fill(path, busyCluster, events);
    const folded: number[] = [];
    const parsed: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      parsed.push(timeParsing(path));
      folded.push(await timeFolding(path));
    }
    const share = median(parsed) / median(folded);
    const bytes = await measureMemory(join(folder, 'memory.sqlite'));
    return [
      {
        name: `replay of ${events} events from SQLite, over reading and parsing alone`,
        value: `${Math.round((events / median(folded)) * 1000)} events/s`,
        ratio: share,
        target: '',
        met: null,
      },
      {
        name: `memory of a manager's view at ${containers} containers`,
        value: `${Math.round(bytes)} bytes a container`,
        ratio: null,
        target: '',
        met: null,
      },
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A batch a second of log time: what ended leaves the view after its hour, as it does in a cluster. */
async function fill(path: string, shape: HistoryShape, count: number): Promise<void> {
  let nowMs = Date.UTC(2026, 0, 1);
  const clock = { nowMs: () => nowMs };
  const store = await createSqliteStore({ path });
  const log = await createCommitLog({ store, clock, logger: silentLogger }, { writer: 'bench' });
  const waiting = new Set<Promise<unknown>>();
  let written = 0;
  for (const batch of writeHistory(shape)) {
    nowMs += 1_000;
    const append = log.append(batch, { deadlineMs: 60_000 }).finally(() => waiting.delete(append));
    waiting.add(append);
    written += batch.length;
    if (waiting.size >= 64) await Promise.race(waiting);
    if (written >= count) break;
  }
  await Promise.all(waiting);
  await log.close();
}

/** Rows in order, their text parsed, nothing kept. */
function timeParsing(path: string): number {
  const database = new DatabaseSync(path, { readOnly: true });
  const startedMs = performance.now();
  let seen = 0;
  for (const { events: text } of database.prepare('SELECT events FROM commits ORDER BY slot').iterate()) {
    seen += (JSON.parse(text as string) as unknown[]).length;
  }
  const tookMs = performance.now() - startedMs;
  database.close();
  if (seen < events) throw new Error(`only ${seen} events`);
  return tookMs;
}

async function timeFolding(path: string): Promise<number> {
  const store = await createSqliteStore({ path, isReadOnly: true });
  const log = await createCommitLog({ store, clock: systemClock, logger: silentLogger }, { writer: 'bench' });
  const projector = createProjector({ log, logger: silentLogger, clock: systemClock });
  const startedMs = performance.now();
  await projector.start();
  const tookMs = performance.now() - startedMs;
  if (projector.view.position < events) throw new Error(`folded to ${projector.view.position} only`);
  await projector.close();
  await log.close();
  return tookMs;
}

/** Heap of a view in which nothing has ended, over its containers. */
async function measureMemory(path: string): Promise<number> {
  const shape = { nodes: 1_000, services: 1_000, replicas: containers / 1_000 };
  await fill(path, shape, shape.nodes + shape.services + 3 * containers);
  const store = await createSqliteStore({ path, isReadOnly: true });
  const log = await createCommitLog({ store, clock: systemClock, logger: silentLogger }, { writer: 'bench' });
  const projector = createProjector({ log, logger: silentLogger, clock: systemClock });
  const beforeBytes = settledHeapBytes();
  await projector.start();
  const bytes = settledHeapBytes() - beforeBytes;
  const { size } = projector.view.containers;
  await projector.close();
  await log.close();
  return bytes / size;
}

function settledHeapBytes(): number {
  if (!globalThis.gc) throw new Error('run node with --expose-gc');
  globalThis.gc();
  globalThis.gc();
  return process.memoryUsage().heapUsed;
}
