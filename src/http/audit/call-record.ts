/**
 * Records API calls in the log, asynchronously: refused changes of known callers as facts, reads and calls of unknown
 * callers as telemetry. Never slows a call and never records a secret: no bodies, no headers, no query strings.
 */

import { randomUUID } from 'node:crypto';
import type { Clock } from '../../clock.ts';
import { AppError } from '../../errors.ts';
import type { EventLog } from '../../events/log/event-log.ts';
import type { NewEvent } from '../../events/schema/event.ts';
import type { Logger } from '../../logger.ts';
import {
  type Call,
  countCalls,
  halve,
  type ReadCall,
  type RefusedCall,
  readsEvent,
  refusalEvent,
  toReadCall,
} from './call-events.ts';

export type CallRecorder = {
  /** A read, or a refused call of an unknown caller. */
  recordRead(call: Call): void;
  /** A refused change of a known caller. */
  recordRefusal(call: RefusedCall): void;
  /** Writes the calls that wait (at most 1 s), and accepts no more. */
  close(): Promise<void>;
};

/** How long calls are collected before they are written together. */
export const flushEveryMsDefault = 1_000;
/** In one event: 1 000 calls of the longest path fit into an append, unless every character is escaped. */
const callsPerEventMax = 1_000;
/** Facts are kept for ever, so a flood of refusals must not fill the log: further ones are telemetry. */
const refusalsPerFlushMax = 100;
/** While the log does not answer. Further calls are dropped, and counted in a log line. */
const callsWaitingMax = 10_000;
const closeDeadlineMs = 1_000;

type Batch = { appendId: string; events: NewEvent[] };

export function createCallRecorder(
  { log, clock, logger }: { log: Pick<EventLog, 'append'>; clock: Pick<Clock, 'nowMs'>; logger: Logger },
  { actor, flushEveryMs = flushEveryMsDefault }: { actor: string; flushEveryMs?: number },
): CallRecorder {
  let reads: ReadCall[] = [];
  let refusals: NewEvent[] = [];
  const batches: Batch[] = [];
  let stamped = { ms: Number.NaN, at: '' };
  let callsWaiting = 0;
  let callsDropped = 0;
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  let isWriting = false;
  let isClosed = false;

  const arm = (delayMs: number) => {
    if (isClosed) return;
    timer ??= setTimeout(flush, delayMs).unref();
  };

  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (reads.length > 0) batches.push(toBatch([readsEvent(reads, actor)]));
    if (refusals.length > 0) batches.push(toBatch(refusals));
    reads = [];
    refusals = [];
    if (callsDropped > 0) logger.warn({ callsDropped }, 'calls not recorded: the log takes them too slowly');
    callsDropped = 0;
    if (!isWriting) writing = write();
  };

  /**
   * Writes one batch after the other, each under the same appendId until it is decided, so none is written twice. A
   * refused batch is halved until the call that cannot be recorded is alone: the others are recorded.
   */
  const write = async () => {
    isWriting = true;
    for (let next = batches[0]; next; next = batches[0]) {
      try {
        await log.append(next.events, { appendId: next.appendId });
      } catch (error) {
        if (error instanceof AppError && error.retryable) {
          arm(flushEveryMs);
          break;
        }
        const halves = halve(next.events);
        if (halves) {
          batches.splice(0, 1, ...halves.map(toBatch));
          continue;
        }
        logger.error({ err: error }, 'a call was not recorded');
      }
      batches.shift();
      callsWaiting -= countCalls(next.events);
    }
    isWriting = false;
  };

  const hasRoom = () => {
    if (isClosed || callsWaiting >= callsWaitingMax) {
      callsDropped += 1;
      arm(flushEveryMs);
      return false;
    }
    callsWaiting += 1;
    return true;
  };

  /** Formatting a date takes as long as the rest of a record, and many calls share a millisecond. */
  const stamp = () => {
    const nowMs = clock.nowMs();
    if (nowMs !== stamped.ms) stamped = { ms: nowMs, at: new Date(nowMs).toISOString() };
    return stamped.at;
  };

  const recordRead = (call: Call) => {
    if (!hasRoom()) return;
    reads.push(toReadCall(call, stamp()));
    if (reads.length >= callsPerEventMax) flush();
    else arm(flushEveryMs);
  };

  return {
    recordRead,
    recordRefusal(call) {
      if (refusals.length >= refusalsPerFlushMax) return recordRead(call);
      if (!hasRoom()) return;
      refusals.push(refusalEvent(call));
      arm(flushEveryMs);
    },
    async close() {
      flush();
      isClosed = true;
      clearTimeout(timer);
      let deadline: NodeJS.Timeout | undefined;
      const tooLate = new Promise<void>((resolve) => {
        deadline = setTimeout(resolve, closeDeadlineMs);
      });
      await Promise.race([writing, tooLate]);
      clearTimeout(deadline);
    },
  };
}

const toBatch = (events: NewEvent[]): Batch => ({ appendId: randomUUID(), events });
