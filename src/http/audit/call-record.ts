/**
 * Records API calls in the log, asynchronously: refused changes of known callers as facts, reads and calls of unknown
 * callers as telemetry. Refused ones have the caller's address, and a flood of them is counted. Never slows a call and never records a secret: no bodies, no headers, no query strings.
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
import { createRepeats } from './repeats.ts';

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
  const repeats = createRepeats();
  const stamp = createStamp(clock);
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
    repeats.clear();
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

  const recordRead = (call: Call) => {
    const key = call.address === undefined ? null : keyOf(call, call.status);
    if ((key !== null && repeats.count(key)) || !hasRoom()) return;
    const record = toReadCall(call, stamp());
    if (key !== null) repeats.add(key, record);
    reads.push(record);
    if (reads.length >= callsPerEventMax) flush();
    else arm(flushEveryMs);
  };

  return {
    recordRead,
    recordRefusal(call) {
      if (refusals.length >= refusalsPerFlushMax) return recordRead(call);
      const key = keyOf(call, call.code);
      if (repeats.count(key) || !hasRoom()) return;
      const event = refusalEvent(call);
      repeats.add(key, event.data);
      refusals.push(event);
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

const keyOf = ({ actor, address = '' }: Call, kind: string | number) => `${actor} ${address} ${kind}`;

/** Formatting a date takes as long as the rest of a record, and many calls share a millisecond. */
function createStamp(clock: Pick<Clock, 'nowMs'>): () => string {
  let last = { ms: Number.NaN, at: '' };
  return () => {
    const nowMs = clock.nowMs();
    if (nowMs !== last.ms) last = { ms: nowMs, at: new Date(nowMs).toISOString() };
    return last.at;
  };
}
