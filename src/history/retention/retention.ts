/**
 * Prunes telemetry: what is older than so much log time is emptied, in small steps, and then recorded as a fact. Facts
 * are never touched.
 *
 * A crash leaves telemetry emptied and no record of it: the next pass begins behind the last record, finds those commits
 * empty and records how far it came. So a record's `throughSlot` is always true, and its counts are of what its own pass
 * emptied. An append of unknown outcome may leave two records of one pass.
 */

import { setTimeout as pause } from 'node:timers/promises';
import { type Clock, systemClock } from '../../clock.ts';
import type { EventLog, Pruned } from '../../events/log/event-log.ts';
import type { EventData } from '../../events/schema/catalog.ts';
import { type Actor, streams } from '../../events/schema/event.ts';

export type RetentionLog = Pick<EventLog, 'head' | 'read' | 'readCommitBefore' | 'readCommits' | 'prune' | 'append'>;

/** Slots `afterSlot + 1 … throughSlot`. */
export type Prunable = { afterSlot: number; throughSlot: number; throughPosition: number };

export type PruneOptions = {
  actor: Actor;
  /** The leadership it is done under. */
  term?: number;
  /** Between two steps, so that appends do not wait in a row. Default 0. */
  pauseMs?: number;
  signal?: AbortSignal;
  onStep?: (progress: { slot: number; throughSlot: number } & Pruned) => void;
};

type FindOptions = { retentionMs: number; isThorough?: boolean; clock?: Pick<Clock, 'nowMs'> };

/** Half an hour of heartbeats. */
const stepSlots = 2_000;

/**
 * What is older than the retention, in log time, or by the clock where the log's time is ahead of it.
 * @param options.isThorough looks at the log from its first slot, not from the last record
 * @returns null when nothing is old enough
 */
export async function findPrunable(
  log: Pick<RetentionLog, 'head' | 'read' | 'readCommitBefore'>,
  { retentionMs, isThorough = false, clock = systemClock }: FindOptions,
): Promise<Prunable | null> {
  const { at } = await log.head();
  const nowMs = Math.min(Date.parse(at), clock.nowMs());
  const oldest = new Date(Math.max(0, nowMs - retentionMs)).toISOString();
  const last = await log.readCommitBefore(oldest);
  if (!last) return null;
  const afterSlot = isThorough ? 0 : await lastRecorded(log);
  if (last.slot <= afterSlot) return null;
  return { afterSlot, throughSlot: last.slot, throughPosition: last.first + last.count - 1 };
}

async function lastRecorded(log: Pick<RetentionLog, 'read'>): Promise<number> {
  const { events } = await log.read({ types: ['HistoryPruned'], direction: 'backward', limit: 1 });
  const [last] = events;
  return last?.type === 'HistoryPruned' ? last.data.throughSlot : 0;
}

/** How much `prune` would empty. */
export async function countPrunable(
  log: Pick<RetentionLog, 'readCommits'>,
  { afterSlot, throughSlot }: Prunable,
): Promise<Pruned> {
  const found = { commits: 0, events: 0 };
  for (let slot = afterSlot; slot < throughSlot; ) {
    const commits = await log.readCommits({ afterSlot: slot, limit: Math.min(500, throughSlot - slot) });
    if (commits.length === 0) break;
    for (const commit of commits) {
      if (commit.class !== 'telemetry' || commit.events === null) continue;
      found.commits += 1;
      found.events += commit.count;
    }
    slot = commits.at(-1)!.slot;
  }
  return found;
}

/**
 * Empties, then records; records nothing when there was nothing to empty.
 * @throws AppError `term_superseded` · `log_unavailable` · the signal's reason
 */
export async function prune(
  log: Pick<RetentionLog, 'prune' | 'append'>,
  { afterSlot, throughSlot, throughPosition }: Prunable,
  { actor, term, pauseMs = 0, signal, onStep }: PruneOptions,
): Promise<Pruned> {
  const total = { commits: 0, events: 0 };
  for (let slot = afterSlot; slot < throughSlot; ) {
    signal?.throwIfAborted();
    const end = Math.min(slot + stepSlots, throughSlot);
    const some = await log.prune({ afterSlot: slot, throughSlot: end });
    total.commits += some.commits;
    total.events += some.events;
    slot = end;
    onStep?.({ slot, throughSlot, ...total });
    if (slot < throughSlot && pauseMs > 0) await pause(pauseMs, undefined, signal ? { signal } : {});
  }
  if (total.commits === 0) return total;
  const data: EventData<'HistoryPruned'> = { throughSlot, throughPosition, ...total };
  const meta = { actor, causationId: null };
  const record = { stream: streams.cluster, type: 'HistoryPruned' as const, data, meta };
  await log.append([record], term === undefined ? {} : { term });
  return total;
}
