/**
 * How much happened when, over the whole history: facts counted in buckets of time, so that a strip can be drawn of millions
 * of them. Counted once, and on from there; the buckets grow wider as the history grows longer. Reads the log and changes nothing.
 */

import type { EventLog } from '../../events/log/event-log.ts';
import type { EventType } from '../../events/schema/catalog.ts';
import type { LogEvent } from '../../events/schema/event.ts';

export type DensityBucket = {
  /** When it begins. */
  at: string;
  /** Of its first fact: buckets without any are left out. */
  position: number;
  facts: number;
  /** By persons: services requested, scaled, removed, rolled back. */
  changes: number;
  /** Containers, rollouts and runs that failed. */
  failures: number;
  /** Nodes and engines. */
  losses: number;
};

export type Density = {
  bucketMs: number;
  /** By time. */
  buckets: DensityBucket[];
  /** Facts up to here are counted; below `head` the count is still under way. */
  through: number;
  head: number;
};

/** As many as a wide screen has columns of a pixel or two. */
export const bucketsMax = 1_024;
const narrowestMs = 1_000;
const page = 1_000;
/** A long history is counted over several calls, and other callers are served in between. */
const countForMs = 250;

const changes: ReadonlySet<EventType> = new Set(['ServiceRequested', 'ServiceScaled', 'ServiceRemovalRequested']);
const failures: ReadonlySet<EventType> = new Set(['ContainerFailed', 'RolloutFailed', 'JobFailed']);
const losses: ReadonlySet<EventType> = new Set(['NodeLost', 'EngineLost']);

/** Of a bucket, by its number. */
type Count = Omit<DensityBucket, 'at'>;

export type DensityDeps = { log: Pick<EventLog, 'read'>; clock: { monotonicMs(): number } };

/** @returns counts on, for a quarter of a second at most, and answers with what is counted by then; callers at the same time share it */
export function createDensity({ log, clock }: DensityDeps): () => Promise<Density> {
  let counts = new Map<number, Count>();
  let bucketMs = narrowestMs;
  let originMs: number | null = null;
  let through = 0;
  let head = 0;
  let underWay: Promise<void> | null = null;

  const widen = () => {
    const wider = new Map<number, Count>();
    for (const [number, count] of counts) {
      const known = wider.get(number >> 1);
      wider.set(number >> 1, known ? sum(known, count) : count);
    }
    bucketMs *= 2;
    counts = wider;
  };

  const add = (event: LogEvent) => {
    const atMs = Date.parse(event.at);
    originMs ??= atMs;
    // A corrected clock goes back, at most to where the history begins.
    const sinceMs = Math.max(0, atMs - originMs);
    while (sinceMs / bucketMs >= bucketsMax) widen();
    const number = Math.floor(sinceMs / bucketMs);
    const one = countOf(event);
    const known = counts.get(number);
    counts.set(number, known ? sum(known, one) : one);
  };

  const countOn = async () => {
    const endMs = clock.monotonicMs() + countForMs;
    do {
      const { events, next, head: end } = await log.read({ class: 'fact', after: through, limit: page });
      for (const event of events) add(event);
      head = end;
      through = next ?? end;
    } while (through < head && clock.monotonicMs() < endMs);
  };

  return async () => {
    underWay ??= countOn().finally(() => {
      underWay = null;
    });
    await underWay;
    const inOrder = [...counts].sort(([a], [b]) => a - b);
    const buckets = inOrder.map(([number, count]) => ({
      at: new Date((originMs ?? 0) + number * bucketMs).toISOString(),
      ...count,
    }));
    return { bucketMs, buckets, through, head };
  };
}

function countOf({ position, type, data }: LogEvent): Count {
  // What was requested as it was already is no change.
  const isChange = changes.has(type) && (data as { changed?: boolean }).changed !== false;
  const of = (isSo: boolean) => (isSo ? 1 : 0);
  return { position, facts: 1, changes: of(isChange), failures: of(failures.has(type)), losses: of(losses.has(type)) };
}

function sum(a: Count, b: Count): Count {
  return {
    position: Math.min(a.position, b.position),
    facts: a.facts + b.facts,
    changes: a.changes + b.changes,
    failures: a.failures + b.failures,
    losses: a.losses + b.losses,
  };
}
