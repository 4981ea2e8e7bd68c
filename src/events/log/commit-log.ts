/**
 * The log over a store: queues appends, lets the commit writer write them in groups, and closes in order. The same for
 * every store.
 */

import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '../../clock.ts';
import { AppError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { EventClass } from '../schema/catalog.ts';
import type { NewEvent } from '../schema/event.ts';
import { assertTail } from './chain.ts';
import type { CommitStore } from './commit-store.ts';
import { createCommitWriter, toAppError } from './commit-writer.ts';
import type { AppendOptions, AppendResult, EventLog } from './event-log.ts';
import { createFollow } from './follow.ts';
import { createLogReader } from './log-reader.ts';
import { createLogState, streamsReadMax } from './log-state.ts';
import { createPendingAppend, type PendingAppend } from './pending-append.ts';
import { createRecentCommits } from './recent-commits.ts';
import { createStoreRetry } from './store-retry.ts';

export type CommitLogDeps = { store: CommitStore; clock: Pick<Clock, 'nowMs'>; logger: Logger };

/** Some seconds of the fastest writers; past it the caller should come back later. */
const pendingMax = 20_000;
/**
 * Callers released together submit together, so the store would idle while the next commit is prepared. From so many
 * pending appends on, the first commit takes half of them.
 */
const halvedMin = 16;
const firstOf = (pending: number) => (pending < halvedMin ? pending : Math.ceil(pending / 2));
const closeDeadlineMs = 3_000;
const lookupDeadlineMs = 5_000;

/** @throws AppError `log_unavailable` · `log_corrupt` · `log_locked` */
export async function createCommitLog(deps: CommitLogDeps, { writer }: { writer: string }): Promise<EventLog> {
  const { store, clock, logger } = deps;
  const index = await store.readIndex(streamsReadMax);
  await assertTail(store, index.head);
  const state = createLogState(index);
  const recent = createRecentCommits();
  const listeners = new Set<() => void>();
  const notify = () => {
    for (const listener of listeners) listener();
  };
  const retry = createStoreRetry(logger);
  const commits = createCommitWriter(
    {
      ...{ store, state, clock, retry },
      onApplied(commit) {
        recent.add(commit);
        notify();
      },
    },
    { writer },
  );
  const appends = createAppendQueue(commits, logger);

  const follow = createFollow({
    // What this process has taken in, or is writing, it notifies its own followers of.
    store: {
      ...store,
      onInserted: (listener) =>
        store.onInserted((slot) => {
          if (slot > Math.max(state.head().slot, commits.sentSlot())) listener(slot);
        }),
    },
    ...{ recent, logger },
    onApplied(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  });

  return {
    ...createLogReader(store),
    append: async (events, options) => appends.add(events, options),
    findAppend: (appendId) => withDeadline(commits.findAppend(appendId)),
    follow,
    prune: (range) => store.prune(range),
    problem: retry.problem,
    async close() {
      if (appends.isClosed()) return;
      commits.close();
      notify();
      await appends.close();
      await store.close();
    },
  };
}

/** Appends that wait for their commit, by class; writes as long as there are any. */
function createAppendQueue(commits: ReturnType<typeof createCommitWriter>, logger: Logger) {
  const queues: Record<EventClass, PendingAppend[]> = { fact: [], telemetry: [] };
  let writing: Promise<void> | null = null;
  let isClosed = false;

  const pendingCount = () => queues.fact.length + queues.telemetry.length;

  const write = async () => {
    let isFirst = true;
    while (pendingCount() > 0) {
      // Telemetry waits behind one commit of facts at most.
      for (const eventClass of ['fact', 'telemetry'] as const) {
        const queue = queues[eventClass];
        if (queue.length === 0) continue;
        const most = isFirst ? firstOf(queue.length) : queue.length;
        isFirst = false;
        await commits.writeBatch(queue, most);
      }
    }
    commits.reportResults();
  };

  const failAll = (cause: unknown) => {
    commits.reportResults();
    const error = isClosed ? new AppError('log_closed', 'the log is closed', { cause }) : toAppError(cause);
    for (const queue of Object.values(queues)) for (const append of queue.splice(0)) append.settle(error);
    if (!isClosed) logger.error({ err: cause }, 'the log cannot be written');
  };

  const pump = () => {
    if (writing) return;
    // A tick of the event loop gathers what was asked for at the same time.
    writing = Promise.resolve()
      .then(write)
      .catch(failAll)
      .finally(() => {
        writing = null;
        if (pendingCount() > 0) pump();
      });
  };

  return {
    add(events: readonly NewEvent[], options: AppendOptions = {}): Promise<AppendResult> {
      if (isClosed) throw new AppError('log_closed', 'the log is closed');
      if (pendingCount() >= pendingMax) {
        throw new AppError('log_busy', `${pendingMax} appends are waiting for the log`, { retryable: true });
      }
      return new Promise((resolve, reject) => {
        const pending = createPendingAppend(events, options, { resolve, reject });
        queues[pending.class].push(pending);
        pump();
      });
    },
    isClosed: () => isClosed,
    async close() {
      isClosed = true;
      await Promise.race([writing ?? Promise.resolve(), pause(closeDeadlineMs, undefined, { ref: false })]);
      failAll(undefined);
    },
  };
}

/** While a commit is undecided nothing can be looked up. @throws AppError `log_unavailable` */
async function withDeadline<T>(answer: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const fail = () => late.reject(new AppError('log_unavailable', `no answer of the log`, { retryable: true }));
  const timer = setTimeout(fail, lookupDeadlineMs);
  try {
    return await Promise.race([answer, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
