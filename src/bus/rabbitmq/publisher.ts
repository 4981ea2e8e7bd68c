/**
 * Owns getting messages to the broker for sure and in order: each is kept until the broker confirmed it *and* routed it.
 * A confirm lost with its channel means the outcome is unknown, so the message is published again; readers are
 * idempotent. Knows nothing of what a message says.
 */

import { setTimeout as pause } from 'node:timers/promises';
import type { ConfirmChannel, Message } from 'amqplib';
import { AppError } from '../../errors.ts';
import type { AmqpConnection } from './connection.ts';

export type Publisher = {
  /** @throws AppError `bus_unavailable` (retryable) past the deadline, when the queue is full, or when too much waits · `bus_closed` */
  publish(outgoing: OutgoingMessage, deadlineMs?: number): Promise<void>;
  /** Neither confirmed nor kept: dropped when there is no channel or the broker is behind. */
  pass(outgoing: OutgoingMessage): void;
  /** Waits for what is on its way (at most 3 s), then refuses it and everything later. */
  close(): Promise<void>;
};

export type OutgoingMessage = { exchange: string; routingKey: string; body: Buffer; headers?: Record<string, string> };

export type PublisherOptions = {
  /** The user of the connection, null when the URL names none: the broker then refuses messages signed by another. */
  userId: string | null;
  declare(channel: ConfirmChannel): Promise<void>;
  /** Makes a queue for a routing key that has none, or waits for somebody to. */
  route(routingKey: string): Promise<void>;
};

const publishDeadlineMs = 5_000;
const drainDeadlineMs = 3_000;
/** Confirms outstanding: 100 to 1 000 carry the same load, more only lengthens what is repeated after a cut. */
const windowMax = 1_000;
const windowBytesMax = 32 * 1024 * 1024;
/** Messages kept while the broker is away: seconds of a busy manager. Their senders have deadlines and say it again. */
const keptMax = 50_000;
const keptBytesMax = 256 * 1024 * 1024;
/** Between looks for a queue that nobody has declared yet. */
const rerouteMs = 250;

type Entry = OutgoingMessage & {
  sequence: number;
  isReturned: boolean;
  settle(error?: AppError): void;
};

export function createPublisher(connection: AmqpConnection, { userId, declare, route }: PublisherOptions): Publisher {
  /** Everything not settled, in order. */
  const kept = new Map<number, Entry>();
  /** Waiting for their queue, by routing key: nothing overtakes on the same key. */
  const rerouting = new Map<string, Entry[]>();
  let unsent: Entry[] = [];
  /** Everything before it in `unsent` is sent or settled. */
  let next = 0;
  let channel: ConfirmChannel | null = null;
  let sequence = 0;
  let keptBytes = 0;
  let inFlight = 0;
  let inFlightBytes = 0;
  let isClosed = false;
  let onEmpty: (() => void) | null = null;

  const properties = userId === null ? {} : { userId };

  const ownChannel = connection.openChannel({
    name: 'publisher',
    kind: 'confirm',
    isEssential: true,
    async setup(opened) {
      await declare(opened);
      opened.on('return', ({ properties: { messageId } }: Message) => {
        const entry = kept.get(Number(messageId));
        if (entry) entry.isReturned = true;
      });
      // Here and not when the loss is noticed, so that no message of the old channel is forgotten between the two.
      inFlight = 0;
      inFlightBytes = 0;
      for (const held of rerouting.values()) held.length = 0;
      sendNext([...kept.values()]);
      channel = opened;
      opened.once('close', () => {
        if (channel === opened) channel = null;
      });
      pump();
    },
  });

  const pump = () => {
    while (channel && next < unsent.length && inFlight < windowMax && inFlightBytes < windowBytesMax) {
      const entry = unsent[next]!;
      if (kept.has(entry.sequence)) {
        const held = rerouting.get(entry.routingKey);
        if (held) held.push(entry);
        else if (!write(channel, entry)) break;
      }
      next += 1;
    }
    // Moving what is left costs as much as what was sent, so each entry is moved about once.
    if (next * 2 >= unsent.length) sendNext(unsent.slice(next));
  };

  const sendNext = (entries: Entry[]) => {
    unsent = entries;
    next = 0;
  };

  const write = (on: ConfirmChannel, entry: Entry): boolean => {
    const { exchange, routingKey, body, headers } = entry;
    const size = body.length;
    const options = { ...properties, headers, messageId: String(entry.sequence), mandatory: true, persistent: true };
    entry.isReturned = false;
    try {
      on.publish(exchange, routingKey, body, options, (error: Error | null) => {
        if (on !== channel) return;
        inFlight -= 1;
        inFlightBytes -= size;
        conclude(entry, error);
        pump();
      });
    } catch {
      // The channel closed a moment ago; the next one sends it.
      return false;
    }
    inFlight += 1;
    inFlightBytes += size;
    return true;
  };

  const conclude = (entry: Entry, error: Error | null) => {
    if (error?.message === 'message nacked') {
      return entry.settle(unavailable('the broker refused the message: its queue is full', entry));
    }
    // The channel closed under it: it may have arrived or not, the next channel sends it again.
    if (error || !kept.has(entry.sequence)) return;
    if (entry.isReturned) reroute(entry);
    else entry.settle();
  };

  const reroute = (entry: Entry) => {
    const held = rerouting.get(entry.routingKey);
    if (held) return void held.push(entry);
    rerouting.set(entry.routingKey, [entry]);
    void findRoute(entry.routingKey);
  };

  const findRoute = async (routingKey: string) => {
    await route(routingKey).catch(() => pause(rerouteMs, undefined, { ref: false }));
    const held = rerouting.get(routingKey) ?? [];
    rerouting.delete(routingKey);
    held.sort((one, other) => one.sequence - other.sequence);
    sendNext([...held, ...unsent.slice(next)]);
    pump();
  };

  return {
    publish(outgoing, deadlineMs = publishDeadlineMs) {
      if (isClosed) return Promise.reject(new AppError('bus_closed', 'the bus is closed'));
      if (kept.size >= keptMax || keptBytes + outgoing.body.length > keptBytesMax) {
        return Promise.reject(unavailable('too many messages wait for the broker', outgoing));
      }
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      sequence += 1;
      keptBytes += outgoing.body.length;
      const timer = setTimeout(() => {
        const { trouble } = connection.status();
        const words = `no confirm within ${deadlineMs} ms`;
        entry.settle(unavailable(trouble === null ? words : `${words} (${trouble})`, outgoing));
      }, deadlineMs);
      const entry: Entry = {
        ...outgoing,
        sequence,
        isReturned: false,
        settle(error) {
          if (!kept.delete(entry.sequence)) return;
          clearTimeout(timer);
          keptBytes -= outgoing.body.length;
          if (error) reject(error);
          else resolve();
          if (kept.size === 0) onEmpty?.();
        },
      };
      kept.set(sequence, entry);
      unsent.push(entry);
      pump();
      return promise;
    },
    pass({ exchange, routingKey, body }) {
      if (!channel || isClosed || inFlight >= windowMax) return;
      const on = channel;
      try {
        inFlight += 1;
        on.publish(exchange, routingKey, body, { ...properties }, () => {
          if (on === channel) inFlight -= 1;
        });
      } catch {
        if (on === channel) inFlight -= 1;
      }
    },
    async close() {
      isClosed = true;
      if (kept.size > 0) {
        const empty = Promise.withResolvers<void>();
        onEmpty = empty.resolve;
        const timer = setTimeout(empty.resolve, drainDeadlineMs);
        await empty.promise;
        clearTimeout(timer);
      }
      for (const entry of [...kept.values()])
        entry.settle(new AppError('bus_closed', 'the bus closed before the confirm'));
      await ownChannel.close();
    },
  };
}

function unavailable(words: string, { routingKey }: { routingKey: string }): AppError {
  return new AppError('bus_unavailable', words, { retryable: true, details: { routingKey } });
}
