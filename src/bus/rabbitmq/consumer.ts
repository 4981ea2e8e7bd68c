/**
 * Owns taking messages from one queue, channel after channel, and settling each once its handler has spoken. A lost
 * channel means redelivery: handlers still busy with the old deliveries end first, so order and `one at a time` hold.
 */

import { setTimeout as pause } from 'node:timers/promises';
import type { Channel, ConsumeMessage } from 'amqplib';
import type { Consumer, Disposition } from '../bus.ts';
import { closeDeadlineMs, deliver } from '../delivery.ts';
import type { RawMessage } from '../memory-queue.ts';
import type { Parsed } from '../message-codec.ts';
import type { AmqpConnection } from './connection.ts';

export type ConsumerSpec<T> = {
  name: string;
  queue: string;
  prefetch: number;
  isEssential: boolean;
  /** Declares what the queue needs, on each new channel. */
  declare(channel: Channel): Promise<void>;
  parse(raw: RawMessage): Parsed<T>;
  handler(message: T): Promise<Disposition>;
  /** Resolves when the message is safe in `co_dead`. `reject`: the broker moves it there itself. */
  deadLetter: ((raw: RawMessage, reason: string) => Promise<void>) | 'reject';
  onDeadLettered(raw: RawMessage, reason: string): void;
  /** The broker cancelled the consumer, the queue was deleted with what it held; now there is one again. */
  onRestored?(): void;
};

/** A handler this slow is not waited for any longer when its channel was lost: better twice at once than never again. */
const leftoversDeadlineMs = 10_000;
const deadLetterRetryMs = 1_000;

export function createAmqpConsumer<T>(connection: AmqpConnection, spec: ConsumerSpec<T>): Consumer {
  const inFlight = new Set<Promise<void>>();
  let isClosing = false;
  let session: { channel: Channel; tag: string | null; over: AbortController } | null = null;
  let wasCancelled = false;

  const settled = async (deadlineMs: number) => {
    const deadline = Promise.withResolvers<void>();
    const timer = setTimeout(deadline.resolve, deadlineMs);
    await Promise.race([Promise.all(inFlight), deadline.promise]);
    clearTimeout(timer);
  };

  const ownChannel = connection.openChannel({
    name: spec.name,
    kind: 'plain',
    isEssential: spec.isEssential,
    async setup(channel) {
      await settled(leftoversDeadlineMs);
      const over = new AbortController();
      channel.once('close', () => over.abort());
      await spec.declare(channel);
      await channel.prefetch(spec.prefetch);
      session = { channel, tag: null, over };
      const { consumerTag } = await channel.consume(spec.queue, (message) => {
        if (message) take(channel, over.signal, message);
        else cancelled(channel);
      });
      session.tag = consumerTag;
      if (wasCancelled) spec.onRestored?.();
      wasCancelled = false;
    },
    onLost() {
      session?.over.abort();
      session = null;
    },
  });

  const cancelled = (channel: Channel) => {
    wasCancelled = true;
    quietly(() => void channel.close().catch(() => {}));
  };

  const take = (channel: Channel, ending: AbortSignal, message: ConsumeMessage) => {
    // Not acknowledged: the closing of the channel gives it to the next consumer.
    if (isClosing || ending.aborted) return;
    const work = handle(channel, ending, message).finally(() => inFlight.delete(work));
    inFlight.add(work);
  };

  const handle = async (channel: Channel, ending: AbortSignal, message: ConsumeMessage) => {
    const raw = { routingKey: message.fields.routingKey, body: message.content };
    const parsed = spec.parse(raw);
    const settlement = 'deadLetter' in parsed ? parsed : await deliver(parsed.message, spec.handler, ending);
    if (settlement === 'requeue') return;
    if (settlement !== 'ack') {
      spec.onDeadLettered(raw, settlement.deadLetter);
      if (spec.deadLetter === 'reject') return quietly(() => channel.reject(message, false));
      if (!(await isDeadLettered(spec.deadLetter, raw, settlement.deadLetter, ending))) return;
    }
    quietly(() => channel.ack(message));
  };

  const isDeadLettered = async (
    deadLetter: (raw: RawMessage, reason: string) => Promise<void>,
    raw: RawMessage,
    reason: string,
    ending: AbortSignal,
  ) => {
    while (!ending.aborted) {
      try {
        await deadLetter(raw, reason);
        return true;
      } catch {
        // The publisher's trouble shows in the status; the message is still ours.
        await pause(deadLetterRetryMs, undefined, { signal: ending }).catch(() => {});
      }
    }
    return false;
  };

  let closed: Promise<void> | undefined;
  const close = async () => {
    isClosing = true;
    session?.over.abort();
    const { channel, tag } = session ?? {};
    if (channel && tag) quietly(() => void channel.cancel(tag).catch(() => {}));
    await settled(closeDeadlineMs);
    await ownChannel.close();
  };

  return {
    close() {
      closed ??= close();
      return closed;
    },
  };
}

/** On a channel that is gone there is nothing to settle: the broker delivers again. */
function quietly(act: () => void): void {
  try {
    act();
  } catch {
    // See above.
  }
}
