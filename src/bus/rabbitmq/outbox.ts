/**
 * Keeps each message from `publish` until its sender knows what became of it: bounds on how many wait, a deadline for
 * each, and their order. Knows nothing of channels.
 */

import { settledWithin } from '../../concurrency/deadline.ts';
import { AppError } from '../../errors.ts';

export type OutgoingMessage = { exchange: string; routingKey: string; body: Buffer; headers?: Record<string, string> };

export type OutboxEntry = OutgoingMessage & {
  /** 1, 2, 3 … in the order of adding. */
  sequence: number;
  /** No queue took it when it was last published. */
  isReturned: boolean;
  /** Resolves, or rejects, the promise of its sender. Later calls do nothing. */
  settle(error?: AppError): void;
};

export type Outbox = {
  /** @throws AppError `bus_unavailable` when too many wait · `bus_closed` */
  add(outgoing: OutgoingMessage, deadlineMs: number): { entry: OutboxEntry; settled: Promise<void> };
  /** undefined when it is settled. */
  find(sequence: number): OutboxEntry | undefined;
  has(entry: OutboxEntry): boolean;
  /** What is not settled, in order. */
  entries(): OutboxEntry[];
  /** Adds no more, waits for what is there (at most 3 s), and rejects the rest. */
  close(): Promise<void>;
};

const drainDeadlineMs = 3_000;
/** Messages kept while the broker is away: seconds of a busy manager. Their senders have deadlines and send again. */
const entriesMax = 50_000;
const bytesMax = 256 * 1024 * 1024;

/** @param problem why messages may be waiting just now; null when the bus is connected */
export function createOutbox(problem: () => string | null): Outbox {
  const entries = new Map<number, OutboxEntry>();
  const drained = Promise.withResolvers<void>();
  let sequence = 0;
  let bytes = 0;
  let isClosed = false;

  return {
    add(outgoing, deadlineMs) {
      if (isClosed) throw new AppError('bus_closed', 'the bus is closed');
      if (entries.size >= entriesMax || bytes + outgoing.body.length > bytesMax) {
        throw unavailable('too many messages wait for the broker', outgoing);
      }
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      sequence += 1;
      bytes += outgoing.body.length;
      const timer = setTimeout(() => {
        const why = problem();
        const message = `no confirm within ${deadlineMs} ms`;
        entry.settle(unavailable(why === null ? message : `${message} (${why})`, outgoing));
      }, deadlineMs);
      const entry: OutboxEntry = {
        ...outgoing,
        sequence,
        isReturned: false,
        settle(error) {
          if (!entries.delete(entry.sequence)) return;
          clearTimeout(timer);
          bytes -= outgoing.body.length;
          if (error) reject(error);
          else resolve();
          if (isClosed && entries.size === 0) drained.resolve();
        },
      };
      entries.set(sequence, entry);
      return { entry, settled: promise };
    },
    find: (sequence) => entries.get(sequence),
    has: (entry) => entries.has(entry.sequence),
    entries: () => [...entries.values()],
    async close() {
      isClosed = true;
      if (entries.size > 0) await settledWithin(drainDeadlineMs, drained.promise);
      for (const entry of [...entries.values()]) {
        entry.settle(new AppError('bus_closed', 'the bus closed before the confirm'));
      }
    },
  };
}

export function unavailable(message: string, { routingKey }: { routingKey: string }): AppError {
  return new AppError('bus_unavailable', message, { retryable: true, details: { routingKey } });
}
