/**
 * An append on its way: checked, turned into text once, waiting for its commit or its deadline. Knows nothing of slots
 * and stores.
 */

import { randomUUID } from 'node:crypto';
import { AppError } from '../../errors.ts';
import { canonicalJson } from '../schema/canonical-json.ts';
import { catalog, type EventClass } from '../schema/catalog.ts';
import type { Commit, NewEvent, StoredEvent } from '../schema/event.ts';
import { assertEvent } from '../schema/validate-event.ts';
import {
  type AppendOptions,
  type AppendResult,
  appendBytesMax,
  appendEventsMax,
  type Expectation,
} from './event-log.ts';

/** An append waiting for its commit. */
export type PendingAppend = {
  appendId: string;
  requestHash: string | undefined;
  term: number | undefined;
  expect: readonly Expectation[];
  class: EventClass;
  events: readonly PendingEvent[];
  /** All that are written or expected. */
  streams: readonly string[];
  bytes: number;
  settle(result: AppendResult | AppError): void;
  /** Its caller has given up. */
  isSettled(): boolean;
};

/** Ready but for its version: the text is made once, however often a slot is lost. */
export type PendingEvent = { stored: StoredEvent; textBeforeVersion: string };

const deadlineDefaultMs = 10_000;

/** @throws AppError `append_empty` · `append_too_large` · `event_invalid` */
export function createPendingAppend(
  events: readonly NewEvent[],
  options: AppendOptions,
  caller: { resolve(result: AppendResult): void; reject(error: AppError): void },
): PendingAppend {
  if (events.length === 0) throw new AppError('append_empty', 'an append needs an event');
  if (events.length > appendEventsMax) {
    throw new AppError('append_too_large', `an append holds at most ${appendEventsMax} events, not ${events.length}`);
  }
  for (const event of events) assertEvent(event);
  const eventClass = catalog[events[0]!.type].class;
  if (events.some(({ type }) => catalog[type].class !== eventClass)) {
    const details = { field: 'type', rule: 'facts and telemetry go in appends of their own' };
    throw new AppError('event_invalid', details.rule, { details });
  }
  const pending = toPendingEvents(events);
  const bytes = pending.reduce((sum, { textBeforeVersion }) => sum + Buffer.byteLength(textBeforeVersion) + 12, 0);
  if (bytes > appendBytesMax) {
    throw new AppError('append_too_large', `an append holds at most ${appendBytesMax} bytes, not ${bytes}`);
  }

  let isSettled = false;
  const settle = (result: AppendResult | AppError) => {
    if (isSettled) return;
    isSettled = true;
    clearTimeout(timer);
    if (result instanceof AppError) caller.reject(result);
    else caller.resolve(result);
  };
  const { appendId = randomUUID(), requestHash, term, expect = [], deadlineMs = deadlineDefaultMs } = options;
  const late = () => settle(unknownOutcome(`the log did not answer within ${deadlineMs} ms`));
  const timer = setTimeout(late, deadlineMs);
  return {
    appendId,
    requestHash,
    term,
    expect,
    class: eventClass,
    events: pending,
    streams: [...events, ...expect].map(({ stream }) => stream),
    bytes,
    settle,
    isSettled: () => isSettled,
  };
}

/** The first of the queue that fit into one commit, `most` at most. */
export function takeCandidates(queue: PendingAppend[], most: number): PendingAppend[] {
  let [events, bytes] = [0, 0];
  const end = queue.findIndex((append, index) => {
    events += append.events.length;
    bytes += append.bytes;
    return index >= most || events > appendEventsMax || bytes > appendBytesMax;
  });
  return queue.splice(0, end < 0 ? queue.length : end);
}

export function settleAll(batch: readonly PendingAppend[], { first, at }: Commit): void {
  let position = first;
  for (const append of batch) {
    const last = position + append.events.length - 1;
    append.settle({ first: position, last, at, repeated: false });
    position = last + 1;
  }
}

export function unknownOutcome(why: string): AppError {
  return new AppError('log_unavailable', `${why}; whether the append took effect is unknown`, { retryable: true });
}

function toPendingEvents(events: readonly NewEvent[]): PendingEvent[] {
  const eventIds = events.map(() => randomUUID());
  return events.map((event, index) => {
    const { actor, requestId = null, correlationId, causationId, causationIndex } = event.meta;
    const eventId = eventIds[index]!;
    const meta = {
      eventId,
      actor,
      requestId,
      correlationId: correlationId ?? requestId ?? eventId,
      causationId: causationIndex === undefined ? causationId : (eventIds[causationIndex] ?? null),
    };
    const { stream, type, data } = event;
    const { schemaVersion } = catalog[type];
    const stored: StoredEvent = { stream, version: 0, type, schemaVersion, data, meta };
    // `version` is the last key of RFC 8785's order.
    const { version: _, ...beforeVersion } = stored;
    return { stored, textBeforeVersion: `${canonicalJson(beforeVersion).slice(0, -1)},"version":` };
  });
}
