/** A bounded queue in memory that behaves as a broker's: messages are delivered in order, kept until settled, and requeued to their place. */

import { settledWithin } from '../concurrency/deadline.ts';
import { createFifo } from '../concurrency/fifo.ts';
import { closeDeadlineMs, type Settlement } from './delivery.ts';

export type RawMessage = { routingKey: string; body: Buffer };

type MemoryQueueOptions = {
  lengthMax: number;
  bytesMax: number;
  /** Only the consumer attached first gets messages, and the next one when it is closed. Otherwise they share. */
  isSingleActive: boolean;
};

type MemoryConsumer = {
  prefetch: number;
  /** @param closing aborted when the consumer closes */
  settle(raw: RawMessage, closing: AbortSignal): Promise<Settlement>;
  deadLetter(raw: RawMessage, reason: string): void;
};

export type MemoryQueue = {
  /** false: over a bound, nothing was queued. */
  push(raw: RawMessage): boolean;
  /** Messages are delivered in a later microtask, never inside the call of the sender. Returns a function that closes the consumer. */
  attach(consumer: MemoryConsumer): () => Promise<void>;
};

type Entry = RawMessage & { sequence: number };
type Attached = MemoryConsumer & { inFlight: Map<Entry, Promise<void>>; closing: AbortController };

export function createMemoryQueue({ lengthMax, bytesMax, isSingleActive }: MemoryQueueOptions): MemoryQueue {
  const waiting = createWaiting();
  const attached: Attached[] = [];
  let sequence = 0;
  let bytes = 0;
  let isPumping = false;

  const pump = () => {
    if (isPumping) return;
    isPumping = true;
    queueMicrotask(() => {
      isPumping = false;
      for (let consumer = next(); consumer && waiting.length() > 0; consumer = next()) start(consumer, waiting.take()!);
    });
  };

  const next = () => {
    const candidates = isSingleActive ? attached.slice(0, 1) : attached;
    return candidates.find(({ inFlight, prefetch, closing }) => inFlight.size < prefetch && !closing.signal.aborted);
  };

  const start = (consumer: Attached, entry: Entry) => {
    const settled = consumer.settle(entry, consumer.closing.signal).then((settlement) => {
      // Requeued at the deadline of the close: another consumer has it now.
      if (!consumer.inFlight.delete(entry)) return;
      if (settlement === 'requeue') return requeue(entry);
      bytes -= entry.body.length;
      if (settlement !== 'ack') consumer.deadLetter(entry, settlement.deadLetter);
      pump();
    });
    consumer.inFlight.set(entry, settled);
  };

  const requeue = (entry: Entry) => {
    waiting.requeue(entry);
    pump();
  };

  const close = async (consumer: Attached) => {
    consumer.closing.abort();
    await settledWithin(closeDeadlineMs, Promise.all(consumer.inFlight.values()));
    for (const entry of consumer.inFlight.keys()) waiting.requeue(entry);
    consumer.inFlight.clear();
    const index = attached.indexOf(consumer);
    if (index >= 0) attached.splice(index, 1);
    pump();
  };

  return {
    push({ routingKey, body }) {
      if (waiting.length() >= lengthMax || bytes + body.length > bytesMax) return false;
      bytes += body.length;
      sequence += 1;
      waiting.add({ routingKey, body, sequence });
      pump();
      return true;
    },
    attach(options) {
      const consumer: Attached = { ...options, inFlight: new Map(), closing: new AbortController() };
      attached.push(consumer);
      pump();
      let closed: Promise<void> | undefined;
      return () => {
        closed ??= close(consumer);
        return closed;
      };
    },
  };
}

/** First in, first out. What is requeued returns to its place by sequence. */
function createWaiting() {
  const fresh = createFifo<Entry>();
  const requeued: Entry[] = [];
  return {
    length: () => requeued.length + fresh.length(),
    add: fresh.add,
    take: (): Entry | undefined => requeued.shift() ?? fresh.take(),
    requeue(entry: Entry) {
      const index = requeued.findLastIndex(({ sequence }) => sequence < entry.sequence);
      requeued.splice(index + 1, 0, entry);
    },
  };
}
