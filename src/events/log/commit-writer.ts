/**
 * Writes batches of appends as commits, one at a time: admits, prepares, inserts until it is known who has the slot, and
 * reports the results.
 *
 * What always holds:
 * - one commit at most is undecided, and nothing is inserted at a later slot before it is decided;
 * - an undecided commit is sent again, the same document at the same slot, until the store answers;
 * - an append is reported to have succeeded only after its commit is decided.
 *
 * ```
 *            admit ─▶ prepare ─▶ insert ─▶ ours ─▶ applied ─▶ results kept ─┐
 *              ▲                    │                                       │ reported while the store
 *              └──── catch up ◀─── another writer's                         ▼ is busy with the next one
 * ```
 */

import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '../../clock.ts';
import { createMutex } from '../../concurrency/mutex.ts';
import { AppError, errorMessage } from '../../errors.ts';
import type { Commit } from '../schema/event.ts';
import { hashBody, hashCommit } from '../schema/hash.ts';
import { type Admission, admit } from './admission.ts';
import type { CommitStore, PreparedCommit } from './commit-store.ts';
import type { FoundAppend } from './event-log.ts';
import type { LogState } from './log-state.ts';
import { type PendingAppend, settleAll, takeCandidates, unknownOutcome } from './pending-append.ts';
import type { StoreRetry } from './store-retry.ts';

export type CommitWriter = {
  /** Writes the first of the queue as one commit, `most` at most. What was not admitted is back at the queue's front. */
  writeBatch(queue: PendingAppend[], most: number): Promise<void>;
  /** Reports the results of the last commit, if that has not been done. */
  reportResults(): void;
  /** Not while a commit is undecided: waits for it. @throws AppError `log_unavailable` */
  findAppend(appendId: string): Promise<FoundAppend | null>;
  /** Slot of the commit that was sent last, decided or not. */
  sentSlot(): number;
  close(): void;
};

export type CommitWriterDeps = {
  store: CommitStore;
  state: LogState;
  clock: Pick<Clock, 'nowMs'>;
  retry: StoreRetry;
  /** After each commit that the state has taken in, ours or another writer's. */
  onApplied: (commit: Commit) => void;
};

const undecidedPauseMs = 5;
const catchUpPage = 500;

export function createCommitWriter(deps: CommitWriterDeps, { writer }: { writer: string }): CommitWriter {
  const { store, state, clock, retry } = deps;
  const oneAtATime = createMutex();
  const results = createResults();
  let sentSlot = 0;
  let isClosed = false;

  /** While the store is busy, the callers of the commit before get their results and prepare what they do next. */
  const askStore = <T>(ask: () => Promise<T>): Promise<T> => {
    const answer = retry.untilAnswered(ask);
    results.report();
    return answer;
  };

  const { apply, catchUp, lookUpMissing } = createStateReader({ store, state, askStore, onApplied: deps.onApplied });
  const takeBatch = createBatchTaker({ state, lookUpMissing, catchUp: () => askStore(catchUp) });

  /** Sends the same document until it is known who has the slot. true: it is ours. */
  const insertUntilKnown = (prepared: PreparedCommit): Promise<boolean> => {
    const { slot, commitId } = prepared.commit;
    sentSlot = slot;
    return askStore(async () => {
      if ((await store.insert(prepared)) === 'inserted') return true;
      for (;;) {
        const holder = await store.readSlot(slot);
        if (holder) return holder.commitId === commitId;
        // Taken, but not by a majority yet: still undecided.
        await pause(undecidedPauseMs);
      }
    });
  };

  const writeBatch = async (queue: PendingAppend[], most: number) => {
    const batch = await takeBatch(queue, most);
    if (batch.length === 0) return;
    const prepared = prepareCommit(batch, { head: state.head(), nowMs: clock.nowMs(), writer });
    const isOurs = await insertUntilKnown(prepared).catch((error: unknown) => {
      const result = isClosed ? unknownOutcome('the log was closed before it answered') : toAppError(error);
      for (const append of batch) append.settle(result);
      throw error;
    });
    if (!isOurs) {
      // Another writer has the slot: everything is checked again at the new head.
      queue.unshift(...batch);
      await askStore(catchUp);
      return;
    }
    apply(prepared.commit);
    results.keep(batch, prepared.commit);
  };

  const findAppend = async (appendId: string) => {
    results.report();
    await catchUp();
    const missing = state.missingOf({ streams: [], appendIds: [appendId] });
    if (missing) state.addFound(missing, await store.lookUp(missing));
    return state.findAppend(appendId);
  };

  return {
    writeBatch: (queue, most) => oneAtATime(() => writeBatch(queue, most)),
    reportResults: results.report,
    findAppend: (appendId) => oneAtATime(() => findAppend(appendId)),
    sentSlot: () => sentSlot,
    close() {
      isClosed = true;
      retry.close();
    },
  };
}

type StateReaderDeps = Pick<CommitWriterDeps, 'store' | 'state' | 'onApplied'> & {
  askStore: <T>(ask: () => Promise<T>) => Promise<T>;
};

/** Brings the state up to date from the store. */
function createStateReader({ store, state, askStore, onApplied }: StateReaderDeps) {
  /** A lookup for an append may have taken the commit in before its own writer does. */
  const apply = (commit: Commit) => {
    if (commit.slot <= state.head().slot) return;
    state.apply(commit);
    onApplied(commit);
  };

  /** Takes in what other writers have decided. */
  const catchUp = async () => {
    for (;;) {
      const commits = await store.readRange({ afterSlot: state.head().slot, limit: catchUpPage });
      if (commits.length === 0) return;
      for (const commit of commits) {
        if (commit.slot > state.head().slot + 1) return;
        apply(commit);
      }
    }
  };

  /** Until nothing is missing: what is looked up may push out what was known. */
  const lookUpMissing = async (candidates: readonly PendingAppend[]) => {
    const asked = {
      streams: candidates.flatMap(({ streams }) => streams),
      appendIds: candidates.map(({ appendId }) => appendId),
    };
    for (let missing = state.missingOf(asked); missing; missing = state.missingOf(asked)) {
      const { streams, appendIds } = missing;
      state.addFound(missing, await askStore(() => store.lookUp({ streams, appendIds })));
    }
  };

  return { apply, catchUp, lookUpMissing };
}

type BatchTakerDeps = {
  state: LogState;
  lookUpMissing: (candidates: readonly PendingAppend[]) => Promise<void>;
  catchUp: () => Promise<void>;
};

/** Takes what goes into the next commit from a queue. */
function createBatchTaker({ state, lookUpMissing, catchUp }: BatchTakerDeps) {
  /** Refuses nothing before it has seen what other writers have written: the caller may have seen it. */
  const admitUpToDate = async (candidates: readonly PendingAppend[]): Promise<Admission> => {
    await lookUpMissing(candidates);
    const first = admit(candidates, state);
    if (first.refusals.length === 0) return first;
    await catchUp();
    await lookUpMissing(candidates);
    return admit(candidates, state);
  };

  /** The appends of the next commit; those that may not be written are refused alone. */
  return async function takeBatch(queue: PendingAppend[], most: number): Promise<PendingAppend[]> {
    const candidates = takeCandidates(queue, most);
    try {
      const { batch, refusals, later } = await admitUpToDate(candidates);
      queue.unshift(...later);
      for (const { append, error } of refusals) append.settle(error);
      return batch;
    } catch (error) {
      queue.unshift(...candidates);
      throw error;
    }
  };
}

/** Of the last commit: decided and applied, its callers not notified yet. */
function createResults() {
  let kept: { batch: readonly PendingAppend[]; commit: Commit } | null = null;
  const report = () => {
    if (!kept) return;
    const { batch, commit } = kept;
    kept = null;
    settleAll(batch, commit);
  };
  return {
    keep(batch: readonly PendingAppend[], commit: Commit) {
      report();
      kept = { batch, commit };
    },
    report,
  };
}

/** Pure, but for the id of the commit. */
function prepareCommit(
  batch: readonly PendingAppend[],
  { head, nowMs, writer }: { head: ReturnType<LogState['head']>; nowMs: number; writer: string },
): PreparedCommit {
  const { slot, position, at, hash } = head;
  const pending = batch.flatMap(({ events }) => events);
  const eventTexts = pending.map(({ textBeforeVersion, stored }) => `${textBeforeVersion}${stored.version}}`);
  const now = new Date(nowMs).toISOString();
  const header = {
    slot: slot + 1,
    first: position + 1,
    count: pending.length,
    // Never earlier than the one before it, unless that is what it records.
    at: now > at || pending.some(({ stored }) => stored.type === 'ClockCorrected') ? now : at,
    class: batch[0]!.class,
    writer,
    commitId: randomUUID(),
    appends: batch.map(({ appendId, events, term, requestHash }) => ({
      appendId,
      count: events.length,
      ...(term === undefined ? {} : { term }),
      ...(requestHash === undefined ? {} : { requestHash }),
    })),
    bodyHash: hashBody(eventTexts),
  };
  const events = pending.map(({ stored }) => stored);
  return { commit: { ...header, hash: hashCommit(hash, header), events }, eventTexts };
}

export function toAppError(cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  return new AppError('log_corrupt', errorMessage(cause), { cause });
}
