/**
 * Replays the log: the view as of any position or time, by the same fold as the live one. Begins at the nearest
 * snapshot where there is one. Reads the log and changes nothing.
 */

import { createYielder } from '../../concurrency/yielder.ts';
import { AppError } from '../../errors.ts';
import type { EventLog } from '../../events/log/event-log.ts';
import type { Commit, LogEvent } from '../../events/schema/event.ts';
import { toLogEvents, type UnreadableEvent } from '../../events/schema/upcast.ts';
import type { Logger } from '../../logger.ts';
import type { SnapshotStore } from '../../projections/snapshots/snapshot.ts';
import { findSnapshot } from '../../projections/snapshots/snapshot-search.ts';
import { type ClusterView, emptyClusterView } from '../../projections/view/cluster-view.ts';
import { evolve, evolveCommit } from '../../projections/view/evolve.ts';
import { foldFailed } from '../../projections/view/fold-failed.ts';
import { nothingTouched } from '../../projections/view/touched.ts';

/** A position: all events up to it, also inside a commit. A time: up to the last commit that is not later. */
export type PointInTime = { position: number } | { time: string } | 'head';

export type ReplayDeps = {
  log: Pick<EventLog, 'readCommits' | 'readCommitAt' | 'readCommitBefore' | 'head'>;
  logger: Logger;
  snapshots?: Pick<SnapshotStore, 'newest' | 'discard'> | null;
};

export type ReplayOptions = {
  to: PointInTime;
  signal?: AbortSignal;
  /** After each page: where the fold is, where it goes, and what it has folded so far. */
  onProgress?: (progress: { position: number; end: number; events: number }) => void;
  /** Each commit as it is folded, with its events in the current schema version; empty when it was pruned. */
  onCommit?: (commit: Commit, events: readonly LogEvent[], view: ClusterView) => void;
  /**
   * An event that cannot be read or folded. Returning goes on without it and without everything later on its stream;
   * without this the replay ends.
   */
  onBad?: (event: BadEvent, error: Error) => void;
};

/** A LogEvent, or what little is known of one that a newer program wrote. */
export type BadEvent = UnreadableEvent;

const page = 500;
/** A long replay yields to timers and sockets this often. */
const yieldEveryMs = 10;

/**
 * @throws AppError `moment_in_future` (details.position, .at: the head) · `moment_before_log` · `fold_failed`
 *   (details.position) · `log_unavailable` · the signal's reason
 */
export async function replay(deps: ReplayDeps, options: ReplayOptions): Promise<ClusterView> {
  const { log } = deps;
  const { signal, onProgress } = options;
  const end = await findPointInTime(log, options.to);
  const start = deps.snapshots
    ? await findSnapshot({ log, logger: deps.logger, snapshots: deps.snapshots }, end.wholeSlot)
    : null;
  const view = start?.view ?? emptyClusterView();
  const foldOne = createFold(view, end.position, options);
  const pages = readAhead(log, { afterSlot: start?.slot ?? 0, endPosition: end.position });
  let events = 0;
  const yielder = createYielder(yieldEveryMs);
  while (view.position < end.position) {
    for (const commit of await pages.next()) {
      if (yielder.isDue()) await yielder.yield();
      signal?.throwIfAborted();
      foldOne(commit);
      events += commit.count;
      if (view.position >= end.position) break;
    }
    onProgress?.({ position: view.position, end: end.position, events });
  }
  return view;
}

/** Contiguous pages; the next is asked for while the one before is folded. */
function readAhead(log: Pick<EventLog, 'readCommits'>, from: { afterSlot: number; endPosition: number }) {
  let slot = from.afterSlot;
  let ahead: Promise<Commit[]> | null = null;
  return {
    /** @throws AppError `log_hole` · `log_unavailable` */
    async next(): Promise<Commit[]> {
      const commits = await (ahead ?? log.readCommits({ afterSlot: slot, limit: page }));
      const last = commits.at(-1);
      if (!last) throw new AppError('log_hole', `the log ends at slot ${slot}, before its head`);
      const hole = commits.findIndex((commit, index) => commit.slot !== slot + 1 + index);
      if (hole >= 0) throw new AppError('log_hole', `slot ${slot + 1 + hole} is missing`);
      slot = last.slot;
      ahead = null;
      if (last.first + last.count <= from.endPosition) {
        ahead = log.readCommits({ afterSlot: slot, limit: page });
        // It may fail before it is awaited, or never be awaited.
        ahead.catch(() => {});
      }
      return commits;
    },
  };
}

/**
 * The position that a point in time means now, and the last slot that is wholly before it: no snapshot after that will do.
 * @throws AppError `moment_in_future` · `moment_before_log`
 */
export async function findPointInTime(
  log: Pick<EventLog, 'head' | 'readCommitAt' | 'readCommitBefore'>,
  to: PointInTime,
): Promise<{ position: number; wholeSlot: number }> {
  const head = await log.head();
  const inFuture = () => {
    const message = `the log ends at position ${head.position}, ${head.at}`;
    return new AppError('moment_in_future', message, { details: { position: head.position, at: head.at } });
  };
  if (to === 'head') return { position: head.position, wholeSlot: head.slot };
  if ('position' in to) {
    if (to.position > head.position) throw inFuture();
    const commit = await log.readCommitAt(to.position);
    if (!commit) throw new AppError('moment_before_log', 'positions begin at 1');
    const isWhole = to.position === commit.first + commit.count - 1;
    return { position: to.position, wholeSlot: isWhole ? commit.slot : commit.slot - 1 };
  }
  // A time after the head's that the clock has reached is simply now; the caller knows its clock.
  const commit = await log.readCommitBefore(to.time);
  if (!commit) throw new AppError('moment_before_log', `the log begins after ${to.time}`);
  return { position: commit.first + commit.count - 1, wholeSlot: commit.slot };
}

function createFold(view: ClusterView, end: number, { onCommit, onBad }: ReplayOptions) {
  const badStreams = new Set<string>();
  // Nothing is planned from a replay: one collector for all events, never read.
  const touched = nothingTouched();

  /** Goes on without what is bad, and without everything later on its stream. */
  const foldTolerantly = (events: readonly LogEvent[], unreadable: ReadonlyMap<UnreadableEvent, Error>) => {
    const inOrder = [...events, ...unreadable.keys()].sort((a, b) => a.position - b.position);
    for (const event of inOrder) {
      if (badStreams.has(event.stream)) continue;
      try {
        const error = unreadable.get(event);
        if (error) throw error;
        evolve(view, event as LogEvent, touched);
      } catch (error) {
        if (!onBad || !(error instanceof Error)) throw error;
        badStreams.add(event.stream);
        onBad(event, error);
      }
    }
  };

  return (commit: Commit): void => {
    try {
      const last = commit.first + commit.count - 1;
      const unreadable = new Map<UnreadableEvent, Error>();
      const whole = toLogEvents(commit, onBad && ((event, error) => unreadable.set(event, error)));
      const events = last <= end ? whole : whole.filter(({ position }) => position <= end);
      if (onBad) {
        evolveCommit(view, commit, []);
        for (const event of unreadable.keys()) if (event.position > end) unreadable.delete(event);
        foldTolerantly(events, unreadable);
      } else evolveCommit(view, commit, events, touched);
      view.position = Math.min(last, end);
      onCommit?.(commit, events, view);
    } catch (error) {
      throw error instanceof AppError ? error : foldFailed(view.position + 1, error);
    }
  };
}
