/**
 * Owns the algorithm of the log, once for every store: group commit with one insert in flight, order, expectations,
 * terms, idempotency, the hash chain, and results that stay unknown.
 *
 * What always holds:
 * - one commit at most is undecided, and nothing is inserted at a later slot before it is decided;
 * - an undecided commit is sent again, the same document at the same slot, until the store answers;
 * - an append is told to have succeeded only after its commit is decided.
 */

import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '../../clock.ts';
import { AppError, hasCode } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import { canonicalJson } from '../schema/canonical-json.ts';
import type { EventClass } from '../schema/catalog.ts';
import type { Commit, NewEvent } from '../schema/event.ts';
import { hashBody, hashCommit } from '../schema/hash.ts';
import type { CommitStore, PreparedCommit } from './commit-store.ts';
import { type AppendOptions, type AppendResult, type EventLog, emptyHead, type LogHead } from './event-log.ts';
import { createFollow } from './follow.ts';
import { createLogReader } from './log-reader.ts';
import { createDraft, createLogState, streamsReadMax } from './log-state.ts';
import { createWaiting, settleAll, takeCandidates, unknownOutcome, type Waiting } from './pending-append.ts';
import { createRecentCommits } from './recent-commits.ts';

export type CommitLogDeps = { store: CommitStore; clock: Pick<Clock, 'nowMs'>; logger: Logger };

/** Some seconds of the fastest writers; past it the caller should come back later. */
const waitingMax = 20_000;
const resendMinMs = 20;
const resendMaxMs = 1_000;
const undecidedPauseMs = 5;
/**
 * Many callers at once after a rest would all be told at once, and come again at once, and the store rests while the log
 * prepares what they want: from so many on the first commit takes half, and the halves take turns from then on.
 */
const halvedMin = 16;
const firstOf = (waiting: number) => (waiting < halvedMin ? waiting : Math.ceil(waiting / 2));
/** Ten times the slowest commit of a healthy disk or replica set. */
const answerLateMs = 2_000;
const closeDeadlineMs = 3_000;
const lookDeadlineMs = 5_000;
const catchUpPage = 500;

/** @throws AppError `log_unavailable` · `log_corrupt` · `log_locked` */
export async function createCommitLog(deps: CommitLogDeps, { writer }: { writer: string }): Promise<EventLog> {
  const { store, clock, logger } = deps;
  const index = await store.readIndex(streamsReadMax);
  await assertTail(store, index.head);
  const state = createLogState(index);
  const queues: Record<EventClass, Waiting[]> = { fact: [], telemetry: [] };
  const recent = createRecentCommits();
  const bells = new Set<() => void>();
  const inTurn = createTurns();
  let writing: Promise<void> | null = null;
  /** Of the last commit, decided already. */
  let tellCallers = () => {};
  /** Of the commit that was sent last, decided or not. */
  let sentSlot = 0;
  let trouble: string | null = null;
  let isClosed = false;

  const ring = () => {
    for (const bell of bells) bell();
  };

  /** A look for an append may have taken the commit in before its own writer does. */
  const apply = (commit: Commit) => {
    if (commit.slot <= state.head().slot) return;
    state.apply(commit);
    recent.add(commit);
    ring();
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

  const nextClass = (): EventClass | null => {
    if (queues.fact.length > 0) return 'fact';
    return queues.telemetry.length > 0 ? 'telemetry' : null;
  };

  const write = async () => {
    let isFirst = true;
    while (nextClass() !== null) {
      // Telemetry waits behind one commit of facts at most.
      for (const eventClass of ['fact', 'telemetry'] as const) {
        const queue = queues[eventClass];
        if (queue.length === 0) continue;
        const most = isFirst ? firstOf(queue.length) : queue.length;
        isFirst = false;
        await inTurn(() => writeBatch(queue, most));
      }
    }
    tellCallers();
  };

  const writeBatch = async (queue: Waiting[], most: number) => {
    const batch = await takeBatch(queue, most);
    if (batch.length === 0) return;
    const prepared = prepare(batch);
    const deciding = decide(prepared);
    // What the callers of the commit before do next is done while this one is on its way.
    tellCallers();
    const isOurs = await deciding.catch((error: unknown) => {
      const told = isClosed ? unknownOutcome('the log was closed before it answered') : toAppError(error);
      for (const append of batch) append.settle(told);
      throw error;
    });
    if (!isOurs) {
      // Another writer has the slot: everything is checked again at the new head.
      queue.unshift(...batch);
      await untilAnswered(catchUp);
      return;
    }
    apply(prepared.commit);
    tellCallers = () => {
      tellCallers = () => {};
      settleAll(batch, prepared.commit);
    };
  };

  /** The appends of the next commit; those that may not be written are refused alone. */
  const takeBatch = async (queue: Waiting[], most: number): Promise<Waiting[]> => {
    const candidates = takeCandidates(queue, most);
    try {
      const { batch, refusals, later } = await judgeUpToDate(candidates);
      queue.unshift(...later);
      for (const { append, error } of refusals) append.settle(error);
      return batch;
    } catch (error) {
      queue.unshift(...candidates);
      throw error;
    }
  };

  /** Refuses nothing before it has seen what others have written: a caller may have. */
  const judgeUpToDate = async (candidates: readonly Waiting[]) => {
    await learnAbout(candidates);
    const first = judge(candidates);
    if (first.refusals.length === 0) return first;
    tellCallers();
    await untilAnswered(catchUp);
    await learnAbout(candidates);
    return judge(candidates);
  };

  /** Until nothing is unknown: what is learned may push out what was known. */
  const learnAbout = async (candidates: readonly Waiting[]) => {
    const asked = {
      streams: candidates.flatMap(({ streams }) => streams),
      appendIds: candidates.map(({ appendId }) => appendId),
    };
    for (let unknown = state.unknownOf(asked); unknown; unknown = state.unknownOf(asked)) {
      const { streams, appendIds } = unknown;
      tellCallers();
      state.learn(unknown, await untilAnswered(() => store.lookUp({ streams, appendIds })));
    }
  };

  /** What of the candidates may be written now, in their order. Repeats are answered. */
  const judge = (candidates: readonly Waiting[]) => {
    const draft = createDraft(state);
    const batch: Waiting[] = [];
    const ids = new Set<string>();
    const refusals: { append: Waiting; error: AppError }[] = [];
    for (const [index, append] of candidates.entries()) {
      // Twice in one commit: the second waits for the next, where the first is found.
      if (ids.has(append.appendId)) return { batch, refusals, later: candidates.slice(index) };
      if (append.isSettled() || answerRepeat(append)) continue;
      const error = draft.refuse(append);
      if (error) {
        refusals.push({ append, error });
        continue;
      }
      for (const { stored } of append.events) {
        stored.version = append.class === 'fact' ? draft.nextVersion(stored.stream) : 0;
      }
      batch.push(append);
      ids.add(append.appendId);
    }
    return { batch, refusals, later: [] };
  };

  const answerRepeat = (append: Waiting): boolean => {
    const known = state.findAppend(append.appendId);
    if (!known) return false;
    if (append.requestHash !== undefined && known.requestHash !== append.requestHash) {
      append.settle(new AppError('idempotency_key_reused', 'this appendId was used for another request'));
      return true;
    }
    const { first, count } = known;
    append.settle({ first, last: first + count - 1, at: state.head().at, repeated: true });
    return true;
  };

  const prepare = (batch: readonly Waiting[]): PreparedCommit => {
    const { slot, position, at, hash } = state.head();
    const waiting = batch.flatMap(({ events }) => events);
    const eventTexts = waiting.map(({ textBeforeVersion, stored }) => `${textBeforeVersion}${stored.version}}`);
    const now = new Date(clock.nowMs()).toISOString();
    const header = {
      slot: slot + 1,
      first: position + 1,
      count: waiting.length,
      at: now > at ? now : at,
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
    const events = waiting.map(({ stored }) => stored);
    return { commit: { ...header, hash: hashCommit(hash, header), events }, eventTexts };
  };

  /** Sends the same document until it is decided. true = the slot is ours. */
  const decide = async (prepared: PreparedCommit): Promise<boolean> => {
    const { slot, commitId } = prepared.commit;
    sentSlot = slot;
    return untilAnswered(async () => {
      if ((await store.insert(prepared)) === 'inserted') return true;
      for (;;) {
        const holder = await store.readSlot(slot);
        if (holder) return holder.commitId === commitId;
        // Taken, but not by a majority yet: still undecided.
        await pause(undecidedPauseMs);
      }
    });
  };

  /** Never moves on while the store does not answer; only a close ends it. */
  const untilAnswered = async <T>(ask: () => Promise<T>): Promise<T> => {
    const late = setTimeout(() => {
      trouble = `the log has not answered for ${answerLateMs} ms`;
    }, answerLateMs);
    try {
      for (let delayMs = resendMinMs; ; delayMs = Math.min(delayMs * 2, resendMaxMs)) {
        try {
          return await ask();
        } catch (error) {
          if (!hasCode(error, 'log_unavailable') || isClosed) throw error;
          trouble = (error as AppError).message;
          logger.warn({ err: error, delayMs }, 'the log does not answer; sending the same again');
          await pause(delayMs);
          if (isClosed) throw error;
        }
      }
    } finally {
      clearTimeout(late);
      trouble = null;
    }
  };

  const pump = () => {
    if (writing) return;
    // A turn of the event loop gathers what was asked for at the same time.
    writing = Promise.resolve()
      .then(write)
      .catch((error: unknown) => failAll(error))
      .finally(() => {
        writing = null;
        if (nextClass() !== null) pump();
      });
  };

  const failAll = (cause: unknown) => {
    tellCallers();
    const closed = new AppError('log_closed', 'the log is closed', { cause });
    const error = isClosed ? closed : toAppError(cause);
    for (const queue of Object.values(queues)) for (const append of queue.splice(0)) append.settle(error);
    if (!isClosed) logger.error({ err: cause }, 'the log cannot be written');
  };

  const append = (events: readonly NewEvent[], options: AppendOptions = {}): Promise<AppendResult> => {
    if (isClosed) return Promise.reject(new AppError('log_closed', 'the log is closed'));
    if (queues.fact.length + queues.telemetry.length >= waitingMax) {
      const message = `${waitingMax} appends are waiting for the log`;
      return Promise.reject(new AppError('log_busy', message, { retryable: true }));
    }
    return new Promise((resolve, reject) => {
      const waiting = createWaiting(events, options, { resolve, reject });
      queues[waiting.class].push(waiting);
      pump();
    });
  };

  /** What this process has taken in, or is writing, rings its own bells. */
  const onDoorbell: CommitStore['onDoorbell'] = (ring) =>
    store.onDoorbell((slot) => {
      if (slot > Math.max(state.head().slot, sentSlot)) ring(slot);
    });

  const findAppend = async (appendId: string) => {
    tellCallers();
    await catchUp();
    const asked = { streams: [], appendIds: [appendId] };
    const unknown = state.unknownOf(asked);
    if (unknown) state.learn(unknown, await store.lookUp(unknown));
    return state.findAppend(appendId);
  };

  return {
    ...createLogReader(store),
    append: async (events, options) => append(events, options),
    findAppend: (appendId) => withDeadline(inTurn(() => findAppend(appendId))),
    follow: createFollow({ store: { ...store, onDoorbell }, recent, logger, onBell: (bell) => subscribe(bells, bell) }),
    prune: (range) => store.prune(range),
    trouble: () => trouble,
    async close() {
      if (isClosed) return;
      isClosed = true;
      ring();
      await Promise.race([writing ?? Promise.resolve(), pause(closeDeadlineMs, undefined, { ref: false })]);
      failAll(undefined);
      await store.close();
    },
  };
}

/**
 * One at a time, in the order of asking: what is read from the state and what is inserted after it belong together, and
 * nobody may take commits in between.
 */
function createTurns() {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work);
    last = turn.catch(() => {});
    return turn;
  };
}

/** While a commit is undecided nothing can be looked up. @throws AppError `log_unavailable` */
async function withDeadline<T>(answer: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const fail = () => late.reject(new AppError('log_unavailable', `no answer of the log`, { retryable: true }));
  const timer = setTimeout(fail, lookDeadlineMs);
  try {
    return await Promise.race([answer, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** A crash damages the end of a file first. The rest of the chain is checked by whoever verifies the log. */
async function assertTail(store: CommitStore, head: LogHead): Promise<void> {
  if (head.slot === 0) return;
  const [last, previous] = await Promise.all([store.readSlot(head.slot), store.readSlot(head.slot - 1)]);
  if (!last || (head.slot > 1 && !previous)) throw damaged(head.slot, 'it or the one before it is missing');
  if (hashCommit(previous?.hash ?? emptyHead.hash, last) !== last.hash) throw damaged(head.slot, 'its hash is wrong');
  if (last.events && hashBody(last.events.map(canonicalJson)) !== last.bodyHash) {
    throw damaged(head.slot, 'its events are not those that were written');
  }
}

function damaged(slot: number, why: string): AppError {
  return new AppError('log_corrupt', `the log is damaged at its end, in slot ${slot}: ${why}`, { details: { slot } });
}

function subscribe(bells: Set<() => void>, bell: () => void): () => void {
  bells.add(bell);
  return () => bells.delete(bell);
}

function toAppError(cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  return new AppError('log_corrupt', cause instanceof Error ? cause.message : String(cause), { cause });
}
