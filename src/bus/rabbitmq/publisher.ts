/**
 * Publishes messages in order until the broker has confirmed *and* routed each. A confirm that was lost with its channel
 * leaves the outcome unknown, so the message is published again: consumers are idempotent. Knows nothing of what a
 * message says.
 */

import type { ConfirmChannel, Message } from 'amqplib';
import { createFifo } from '../../concurrency/fifo.ts';
import { createConfirmWindow } from './confirm-window.ts';
import type { AmqpConnection } from './connection.ts';
import { createOutbox, type OutboxEntry, type OutgoingMessage, unavailable } from './outbox.ts';
import { createRerouting } from './rerouting.ts';

export type Publisher = {
  /** @throws AppError `bus_unavailable` (retryable) past the deadline, when the queue is full, or when too much waits · `bus_closed` */
  publish(outgoing: OutgoingMessage, deadlineMs?: number): Promise<void>;
  /**
   * Not repeated: dropped when there is no channel or the broker is behind.
   * @param onTaken called when the broker has it
   */
  publishOnce(outgoing: OutgoingMessage, onTaken?: () => void): void;
  /** Waits for what is not confirmed yet (at most 3 s), then refuses it and everything later. */
  close(): Promise<void>;
};

type PublisherOptions = {
  /** The user of the connection, null when the URL names none: the broker then refuses messages signed by another. */
  userId: string | null;
  declare(channel: ConfirmChannel): Promise<void>;
  /** Declares a queue for a routing key that has none, or waits until another client has. */
  route(routingKey: string): Promise<void>;
};

const publishDeadlineMs = 5_000;

export function createPublisher(connection: AmqpConnection, { userId, declare, route }: PublisherOptions): Publisher {
  const outbox = createOutbox(() => connection.status().trouble);
  const window = createConfirmWindow(userId);
  let unsent = createFifo<OutboxEntry>();
  let isClosed = false;
  const rerouting = createRerouting({
    route,
    onRouted(entries) {
      unsent = createFifo([...entries, ...unsent.items()]);
      pump();
    },
  });

  const ownChannel = connection.openChannel({
    name: 'publisher',
    kind: 'confirm',
    isEssential: true,
    async setup(opened) {
      await declare(opened);
      opened.on('return', ({ properties: { messageId } }: Message) => {
        const entry = outbox.find(Number(messageId));
        if (entry) entry.isReturned = true;
      });
      // Here and not when the loss is noticed, so that no message of the old channel is forgotten between the two.
      rerouting.clear();
      unsent = createFifo(outbox.entries());
      window.use(opened);
      pump();
    },
  });

  const pump = () => {
    for (let entry = unsent.peek(); entry; entry = unsent.peek()) {
      // Settled at its deadline: dropped without a channel too, or an outage would fill the memory.
      if (outbox.has(entry)) {
        if (!window.hasRoom()) return;
        if (!rerouting.hold(entry) && !send(entry)) return;
      }
      unsent.take();
    }
  };

  const send = (entry: OutboxEntry): boolean => {
    entry.isReturned = false;
    return window.publish(entry, (error) => {
      conclude(entry, error);
      pump();
    });
  };

  const conclude = (entry: OutboxEntry, error: Error | null) => {
    if (error?.message === 'message nacked') {
      return entry.settle(unavailable('the broker refused the message: its queue is full', entry));
    }
    // The channel closed before the confirm: whether it arrived is unknown, and the next channel sends it again.
    if (error || !outbox.has(entry)) return;
    if (entry.isReturned) rerouting.add(entry);
    else entry.settle();
  };

  return {
    async publish(outgoing, deadlineMs = publishDeadlineMs) {
      const { entry, settled } = outbox.add(outgoing, deadlineMs);
      unsent.add(entry);
      pump();
      return settled;
    },
    publishOnce(outgoing, onTaken) {
      if (!isClosed) window.publishOnce(outgoing, onTaken);
    },
    async close() {
      isClosed = true;
      await outbox.close();
      await ownChannel.close();
    },
  };
}
