/**
 * Records API calls in the log, asynchronously: refused changes of known callers as facts, reads and calls of unknown
 * callers as telemetry. Never slows a call and never records a secret: no bodies, no headers, no query strings.
 */

import type { Clock } from '../../clock.ts';
import { settledWithin } from '../../concurrency/deadline.ts';
import type { EventLog } from '../../events/log/event-log.ts';
import type { NewEvent } from '../../events/schema/event.ts';
import type { Logger } from '../../logger.ts';
import { createBatchWriter } from './batch-writer.ts';
import {
  type Call,
  countCalls,
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

export function createCallRecorder(
  { log, clock, logger }: { log: Pick<EventLog, 'append'>; clock: Pick<Clock, 'nowMs'>; logger: Logger },
  { actor, flushEveryMs = flushEveryMsDefault }: { actor: string; flushEveryMs?: number },
): CallRecorder {
  let reads: ReadCall[] = [];
  let refusals: NewEvent[] = [];
  let stamped = { ms: Number.NaN, at: '' };
  let callsWaiting = 0;
  let callsDropped = 0;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  const arm = (delayMs: number) => {
    if (isClosed) return;
    timer ??= setTimeout(flush, delayMs).unref();
  };

  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (reads.length > 0) writer.add([readsEvent(reads, actor)]);
    if (refusals.length > 0) writer.add(refusals);
    reads = [];
    refusals = [];
    if (callsDropped > 0) logger.warn({ callsDropped }, 'calls not recorded: the log takes them too slowly');
    callsDropped = 0;
    writer.start();
  };

  const writer = createBatchWriter(
    { log, logger },
    {
      onUnavailable: () => arm(flushEveryMs),
      onSettled: (events) => {
        callsWaiting -= countCalls(events);
      },
    },
  );

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
      await settledWithin(closeDeadlineMs, writer.stopped());
    },
  };
}
