/** Appends batches of recorded calls to the log, one after the other, each exactly once. */

import { randomUUID } from 'node:crypto';
import { v5 as uuidv5 } from 'uuid';
import { AppError } from '../../errors.ts';
import type { EventLog } from '../../events/log/event-log.ts';
import type { NewEvent } from '../../events/schema/event.ts';
import type { Logger } from '../../logger.ts';
import { halve } from './call-events.ts';

export type BatchWriter = {
  /** The events are appended together. */
  add(events: NewEvent[]): void;
  /** Begins to write unless it is writing. */
  start(): void;
  /** Resolves when it writes no more: everything is written, or the log does not answer. */
  stopped(): Promise<void>;
};

export type BatchWriterOptions = {
  /** The log does not answer: the batches stay, and `start` has to be called again. */
  onUnavailable: () => void;
  /** These are in the log, or cannot be recorded at all. */
  onSettled: (events: readonly NewEvent[]) => void;
};

type Batch = { appendId: string; events: NewEvent[] };

export function createBatchWriter(
  { log, logger }: { log: Pick<EventLog, 'append'>; logger: Logger },
  { onUnavailable, onSettled }: BatchWriterOptions,
): BatchWriter {
  const batches: Batch[] = [];
  const namespace = randomUUID();
  let made = 0;
  let writing: Promise<void> = Promise.resolve();
  let isWriting = false;

  /** The log remembers appends by ids of version 5; a random one would be appended again after a lost answer. */
  const toBatch = (events: NewEvent[]): Batch => {
    made += 1;
    return { appendId: uuidv5(String(made), namespace), events };
  };

  /**
   * Each batch keeps its appendId until it is decided, so none is written twice. A refused batch is halved until the call
   * that cannot be recorded is alone: the others are recorded.
   */
  const write = async () => {
    isWriting = true;
    for (let next = batches[0]; next; next = batches[0]) {
      try {
        await log.append(next.events, { appendId: next.appendId });
      } catch (error) {
        if (error instanceof AppError && error.retryable) {
          onUnavailable();
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
      onSettled(next.events);
    }
    isWriting = false;
  };

  return {
    add(events) {
      batches.push(toBatch(events));
    },
    start() {
      if (!isWriting) writing = write();
    },
    stopped: () => writing,
  };
}
