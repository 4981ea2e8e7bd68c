/** Owns one bounded queue in memory with the ways of a broker's: messages out in order, kept until settled, given back to their place. */

import { closeDeadlineMs, type Settlement } from './delivery.ts';

export type RawMessage = { routingKey: string; body: Buffer };

export type MemoryQueueOptions = {
  lengthMax: number;
  bytesMax: number;
  /** Only the consumer attached first gets messages; the next one once it is gone. Otherwise they share. */
  isSingleActive: boolean;
};

export type MemoryConsumer = {
  prefetch: number;
  /** @param closing aborted when the consumer closes */
  settle(raw: RawMessage, closing: AbortSignal): Promise<Settlement>;
  deadLetter(raw: RawMessage, reason: string): void;
};

export type MemoryQueue = {
  /** false: over a bound, nothing was queued. */
  push(raw: RawMessage): boolean;
  /** Messages come in a later microtask, never inside the call of the sender. Returns the closing of the consumer. */
  attach(consumer: MemoryConsumer): () => Promise<void>;
};

type Entry = RawMessage & { sequence: number };
type Attached = MemoryConsumer & { inFlight: Map<Entry, Promise<void>>; closing: AbortController };

export function createMemoryQueue({ lengthMax, bytesMax, isSingleActive }: MemoryQueueOptions): MemoryQueue {
  const waiting = createLine();
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
      // Given up at the deadline of the close: somebody else has it now.
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
    const deadline = Promise.withResolvers<void>();
    const timer = setTimeout(deadline.resolve, closeDeadlineMs);
    await Promise.race([Promise.all(consumer.inFlight.values()), deadline.promise]);
    clearTimeout(timer);
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

/** First in, first out; what is given back returns to its place by sequence. */
function createLine() {
  const returned: Entry[] = [];
  let fresh: Entry[] = [];
  let head = 0;
  return {
    length: () => returned.length + fresh.length - head,
    add(entry: Entry) {
      fresh.push(entry);
    },
    take(): Entry | undefined {
      if (returned.length > 0) return returned.shift();
      const entry = fresh[head];
      head += 1;
      // Moving what is left costs as much as what was taken, so each message is moved about once.
      if (head * 2 >= fresh.length) {
        fresh = fresh.slice(head);
        head = 0;
      }
      return entry;
    },
    requeue(entry: Entry) {
      const index = returned.findLastIndex(({ sequence }) => sequence < entry.sequence);
      returned.splice(index + 1, 0, entry);
    },
  };
}
