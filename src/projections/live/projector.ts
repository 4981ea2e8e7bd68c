/** The live view of one process: follows the log, folds, and notifies listeners of what was folded. */

import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '../../clock.ts';
import { createYielder } from '../../concurrency/yielder.ts';
import { AppError, hasCode } from '../../errors.ts';
import { mendingHint } from '../../events/log/chain.ts';
import type { EventLog, LogHead } from '../../events/log/event-log.ts';
import type { Commit, LogEvent } from '../../events/schema/event.ts';
import { toLogEvents } from '../../events/schema/upcast.ts';
import type { Logger } from '../../logger.ts';
import type { SnapshotStore } from '../snapshots/snapshot.ts';
import { findSnapshot } from '../snapshots/snapshot-search.ts';
import { type ClusterView, emptyClusterView } from '../view/cluster-view.ts';
import { evolveCommit } from '../view/evolve.ts';
import { foldFailed } from '../view/fold-failed.ts';
import { nothingTouched, type Touched } from '../view/touched.ts';
import { createPositionWaiters } from './position-waiters.ts';

export type FoldListener = (events: readonly LogEvent[], commit: Commit, touched: Touched) => void;

export type Projector = {
  /** The live view. Read it, never change it, never keep it across an await. */
  readonly view: ClusterView;
  /**
   * Called after each commit is folded, in order, with its events (empty when pruned) and what they touched. Synchronous
   * and quick: hand long work to a queue of your own. Returns an unsubscribe.
   */
  onFolded(listener: FoldListener): () => void;
  /** Resolves once the view holds `position`. @throws AppError `view_behind` (retryable) past the deadline */
  waitFor(position: number, deadlineMs?: number): Promise<void>;
  /** The log cannot be read just now: in words, null while all is well. */
  problem(): string | null;
  /**
   * Resolves once the view holds everything that was in the log when it was called; waits while the log is away.
   * @throws AppError `fold_failed` (details.position) when the log holds what this program cannot fold
   */
  start(): Promise<void>;
  close(): Promise<void>;
};

export type ProjectorDeps = {
  log: Pick<EventLog, 'follow' | 'head' | 'readCommits'>;
  /** Where to begin; without it, or when none fits, at the first commit. */
  snapshots?: Pick<SnapshotStore, 'newest' | 'discard'>;
  logger: Logger;
  clock: Pick<Clock, 'monotonicMs'>;
};

export type ProjectorOptions = {
  /** The fold broke after start: the view stays where it was and the process must not go on with it. */
  onFatal?: (error: AppError) => void;
};

/** A caller that just appended waits this long to see it: a few polls of the log. */
const waitDeadlineMs = 5_000;

/** Timers and sockets are served this often during a long replay. */
const yieldEveryMs = 50;

/** How long to wait before the log is asked again for its head at start. */
const headRetryMs = 500;

export function createProjector(deps: ProjectorDeps, options: ProjectorOptions = {}): Projector {
  const { log, logger, clock } = deps;
  const view = emptyClusterView();
  const stop = new AbortController();
  const listeners = new Set<FoldListener>();
  const waiters = createPositionWaiters(() => view.position);
  let problem: string | null = null;
  let fatal: AppError | null = null;
  let isStarted = false;
  let following: Promise<void> = Promise.resolve();

  const fold = (commit: Commit): void => {
    const touched = nothingTouched();
    const events = foldCommit(view, commit, touched);
    for (const listener of listeners) listener(events, commit, touched);
    waiters.resolveReached();
  };

  /** A commit that another manager is about to write comes soon: a start does not wait for one that is gone. */
  const holes = createHoleWatch((message) => {
    if (!isStarted) fail(new AppError('log_corrupt', `${message}; ${mendingHint}`));
  });

  const onProblem = (change: { code: string; message: string } | null) => {
    problem = change && `${change.code}: ${change.message}`;
    holes.note(change);
    if (problem) logger.warn({ problem, position: view.position }, 'the log cannot be followed');
    else logger.info({ position: view.position }, 'the log is followed again');
  };
  const follow = (afterSlot: number) =>
    foldFollowed(log.follow({ afterSlot, signal: stop.signal, onProblem }), { fold, clock, signal: stop.signal });

  const fail = (cause: unknown): void => {
    if (stop.signal.aborted) return;
    const isKnown = hasCode(cause, 'fold_failed') || hasCode(cause, 'log_corrupt');
    fatal = isKnown ? (cause as AppError) : foldFailed(view.position, cause);
    problem = fatal.message;
    waiters.rejectAll(fatal);
    if (!isStarted) return;
    logger.error({ err: fatal, position: view.position }, 'the fold broke');
    options.onFatal?.(fatal);
  };

  const waitFor = (position: number, deadlineMs = waitDeadlineMs): Promise<void> =>
    fatal && view.position < position
      ? Promise.reject(fatal)
      : waiters.waitFor(position, deadlineMs, () => problem ?? `not folded within ${deadlineMs} ms`);

  return {
    view,
    onFolded(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    waitFor,
    problem: () => problem,
    async start() {
      const onRetry = (error: AppError) => {
        problem = `${error.code}: ${error.message}`;
      };
      const head = await readHead(log, { onRetry, signal: stop.signal });
      problem = null;
      following = follow(await restore(view, head.slot, deps)).catch(fail);
      // A replay takes as long as the log is long.
      await waitFor(head.position, Number.POSITIVE_INFINITY);
      isStarted = true;
    },
    async close() {
      stop.abort();
      holes.close();
      waiters.rejectAll('the view is closed');
      await following;
    },
  };
}

async function foldFollowed(
  followed: AsyncIterable<Commit[]>,
  { fold, clock, signal }: Pick<ProjectorDeps, 'clock'> & { fold: (commit: Commit) => void; signal: AbortSignal },
): Promise<void> {
  const yielder = createYielder(yieldEveryMs, clock);
  for await (const commits of followed) {
    for (const commit of commits) {
      if (yielder.isDue()) await yielder.yield();
      if (signal.aborted) return;
      fold(commit);
    }
  }
}

/** How long a commit may be missing before those after it: another manager may be about to write it. */
const holeDeadlineMs = 5_000;

function createHoleWatch(onLasting: (message: string) => void) {
  let timer: NodeJS.Timeout | undefined;
  return {
    note(change: { code: string; message: string } | null) {
      clearTimeout(timer);
      timer = undefined;
      if (change?.code !== 'log_hole') return;
      timer = setTimeout(() => onLasting(change.message), holeDeadlineMs).unref();
    },
    close: () => clearTimeout(timer),
  };
}

/** Waits for a log that is away. @throws what `head` throws, when it is no use to ask again or the signal is aborted */
async function readHead(
  log: Pick<EventLog, 'head'>,
  { onRetry, signal }: { onRetry: (error: AppError) => void; signal: AbortSignal },
): Promise<LogHead> {
  for (;;) {
    try {
      return await log.head();
    } catch (error) {
      if (!(error instanceof AppError && error.retryable) || signal.aborted) throw error;
      onRetry(error);
      await pause(headRetryMs, undefined, { signal }).catch(() => {});
    }
  }
}

/** @returns slot of the commit after which the fold begins */
async function restore(
  view: ClusterView,
  headSlot: number,
  { log, snapshots, logger }: Pick<ProjectorDeps, 'log' | 'snapshots' | 'logger'>,
): Promise<number> {
  const found = snapshots ? await findSnapshot({ log, snapshots, logger }, headSlot) : null;
  if (!found) return 0;
  Object.assign(view, found.view);
  logger.info({ slot: found.slot, position: view.position }, 'the fold begins at a snapshot');
  return found.slot;
}

function foldCommit(view: ClusterView, commit: Commit, touched: Touched): readonly LogEvent[] {
  const expected = view.position + 1;
  try {
    if (commit.first !== expected)
      throw new Error(`expected position ${expected}, the commit begins at ${commit.first}`);
    const events = commit.events === null ? [] : toLogEvents(commit);
    evolveCommit(view, commit, events, touched);
    return events;
  } catch (error) {
    throw foldFailed(view.position + 1, error);
  }
}
