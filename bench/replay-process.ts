/**
 * One measurement of replay in a process of its own, so that its peak memory is its own. Its arguments say
 * what is measured, and on which log; it answers with one line of JSON.
 */

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openLogForReading } from '../src/events/open-log.ts';
import { replay } from '../src/history/replay/replay.ts';
import { isSound, verifyLog } from '../src/history/verify/log-check.ts';
import { silentLogger } from '../src/logger.ts';
import { keepHeapSmall } from '../src/process/heap.ts';
import type { ClusterView } from '../src/projections/view/cluster-view.ts';

/** A log is named by a folder with events.sqlite in it, or by a mongodb:// URL. */
export type Measured = {
  events: number;
  ms: number;
  /** Of the process, garbage that was not collected yet included. */
  peakBytes: number;
  /** What the result holds once the garbage is gone. */
  heldBytes: number;
};
export type MeasuredManager = { startMs: number; atMs: number[] };

const [what = '', where = '', seed = '1'] = process.argv.slice(2);
const place = where.startsWith('mongodb') ? { mongodbUrl: where } : { sqlitePath: join(where, 'events.sqlite') };

/** The slowest of so many stands for the 99th percentile. */
const positionsAsked = 50;

/** Kept until its size is known. */
let held: ClusterView | null = null;

const measurements: Record<string, () => Promise<unknown>> = {
  replay: () =>
    measure(async (log) => {
      held = await replay({ log, logger: silentLogger }, { to: 'head' });
      return held.position;
    }),
  verify: () =>
    measure(async (log) => {
      const report = await verifyLog({ log, logger: silentLogger });
      if (!isSound(report)) throw new Error(JSON.stringify(report.chain.broken ?? report.unfoldable));
      return report.position;
    }),
  /** Through the port, folding nothing. */
  read: () =>
    measure(async (log) => {
      let position = 0;
      for (let slot = 0; ; ) {
        const commits = await log.readCommits({ afterSlot: slot, limit: 500 });
        const last = commits.at(-1);
        if (!last) return position;
        slot = last.slot;
        position = last.first + last.count - 1;
      }
    }),
  /** Rows in order and their text parsed, beside everything of ours. */
  parse: async () => {
    const database = new DatabaseSync(join(where, 'events.sqlite'), { readOnly: true });
    const startedMs = performance.now();
    let events = 0;
    for (const { events: text } of database.prepare('SELECT events FROM commits ORDER BY slot').iterate()) {
      events += (JSON.parse(text as string) as unknown[]).length;
    }
    return {
      events,
      ms: performance.now() - startedMs,
      peakBytes: peakBytes(),
      heldBytes: heldBytes(),
    } satisfies Measured;
  },
  'manager-start': () => measureManager(0),
  manager: () => measureManager(positionsAsked),
};

async function measure(run: (log: Awaited<ReturnType<typeof openLogForReading>>['log']) => Promise<number>) {
  const { log, close } = await openLogForReading(place, { logger: silentLogger });
  const startedMs = performance.now();
  const events = await run(log);
  const ms = performance.now() - startedMs;
  await close();
  return { events, ms, peakBytes: peakBytes(), heldBytes: heldBytes() } satisfies Measured;
}

function heldBytes(): number {
  if (!globalThis.gc) throw new Error('run node with --expose-gc');
  globalThis.gc();
  globalThis.gc();
  return held ? process.memoryUsage().heapUsed : 0;
}

const peakBytes = () => process.resourceUsage().maxRSS * 1024;

/** @param positions how many random positions it is asked about */
async function measureManager(positions: number): Promise<MeasuredManager> {
  // Loaded here: what a manager is made of is no part of a replay's memory.
  const { readConfig } = await import('../src/daemon/config.ts');
  const { startManager } = await import('../src/daemon/manager.ts');
  const startedMs = performance.now();
  const fail = (error: Error) => {
    throw error;
  };
  const config = readConfig(['--data', where, '--engine', 'simulated', '--port', '0'], {});
  const manager = await startManager(config, { logger: silentLogger, onFatal: fail });
  const startMs = performance.now() - startedMs;
  const { position } = (await (await fetch(`${manager.url}/service_state`)).json()) as { position: number };
  const atMs: number[] = [];
  let random = Number(seed);
  while (atMs.length < positions) {
    random = (random * 48_271) % 2_147_483_647;
    const askedMs = performance.now();
    const answer = await fetch(`${manager.url}/service_state?at=${1 + (random % position)}`);
    await answer.arrayBuffer();
    if (!answer.ok) throw new Error(`answered ${answer.status}`);
    atMs.push(performance.now() - askedMs);
  }
  await manager.close();
  return { startMs, atMs };
}

// As the command line does.
if (!what.startsWith('manager')) keepHeapSmall();
const run = measurements[what];
if (!run) throw new Error(`no such measurement: ${what} (there are ${Object.keys(measurements).join(', ')})`);
process.stdout.write(`${JSON.stringify(await run())}\n`);
process.exit(0);
