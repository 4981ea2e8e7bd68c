/**
 * Owns putting calls into the log behind the caller's back: refusals of known callers as facts, reads and refused
 * unknown callers as telemetry. Never slows a call and never keeps a secret: no bodies, no headers, no query strings.
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
  /** A read, or a refusal of somebody unknown. */
  recordRead(call: Call): void;
  /** A refused change of somebody known. */
  recordRefusal(call: RefusedCall): void;
  /** Writes what waits (at most 1 s), then takes no more. */
  close(): Promise<void>;
};

/** Nothing waits longer to be written while the log answers: telemetry is batched at most this long. */
export const flushEveryMsDefault = 1_000;
/** Of one event: 1 000 calls of the longest path stay below the log's bound on an append, unless all of it is escaped. */
const callsPerEventMax = 1_000;
/** Facts are kept for ever: a flood of refusals must not fill the log. What is over it is telemetry. */
const refusalsPerFlushMax = 100;
/** While the log is away. More are counted in a log line and dropped. */
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
   * One batch after the other. The same appendId until it is decided: none is written twice. A batch that is refused is
   * cut in two until what cannot be recorded is alone: one call never takes others with it.
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

  /** Many calls share a millisecond, and a date takes as long to write as the rest of a record. */
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
