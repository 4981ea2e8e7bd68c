/**
 * Consumes one queue, channel after channel, and settles each message as its handler decided. A lost channel means
 * redelivery: handlers still busy with the old deliveries end first, so order and "one at a time" hold.
 */

import { setTimeout as pause } from 'node:timers/promises';
import type { Channel, ConsumeMessage } from 'amqplib';
import { settledWithin } from '../../concurrency/deadline.ts';
import type { Consumer, Disposition } from '../bus.ts';
import { closeDeadlineMs, deliver } from '../delivery.ts';
import type { RawMessage } from '../memory-queue.ts';
import type { Parsed } from '../message-codec.ts';
import type { AmqpConnection } from './connection.ts';

type ConsumerSpec<T> = {
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
  /** The broker cancelled the consumer because the queue was deleted with its messages. Now there is a queue again. */
  onRestored?(): void;
};

/** A delivery and the channel it has to be settled on. `ended`: the channel is gone, or the consumer closes. */
type Delivery = { channel: Channel; ended: AbortSignal; message: ConsumeMessage };

/** A handler slower than this is not waited for when its channel was lost: twice at once is better than never again. */
const leftoversDeadlineMs = 10_000;
const deadLetterRetryMs = 1_000;

export function createAmqpConsumer<T>(connection: AmqpConnection, spec: ConsumerSpec<T>): Consumer {
  const inFlight = new Set<Promise<void>>();
  let isClosing = false;
  let session: { channel: Channel; tag: string | null; ended: AbortController } | null = null;
  let wasCancelled = false;

  const handlersEnd = (deadlineMs: number) => settledWithin(deadlineMs, Promise.all(inFlight));

  const ownChannel = connection.openChannel({
    name: spec.name,
    kind: 'plain',
    isEssential: spec.isEssential,
    async setup(channel) {
      await handlersEnd(leftoversDeadlineMs);
      const ended = new AbortController();
      channel.once('close', () => ended.abort());
      await spec.declare(channel);
      await channel.prefetch(spec.prefetch);
      session = { channel, tag: null, ended };
      const { consumerTag } = await channel.consume(spec.queue, (message) => {
        if (message) take({ channel, ended: ended.signal, message });
        else onCancelled(channel);
      });
      session.tag = consumerTag;
      if (wasCancelled) spec.onRestored?.();
      wasCancelled = false;
    },
    onLost() {
      session?.ended.abort();
      session = null;
    },
  });

  const onCancelled = (channel: Channel) => {
    wasCancelled = true;
    ifOpen(() => void channel.close().catch(() => {}));
  };

  const take = (delivery: Delivery) => {
    // Not acknowledged: when the channel closes, the broker requeues it.
    if (isClosing || delivery.ended.aborted) return;
    const work = handle(spec, delivery).finally(() => inFlight.delete(work));
    inFlight.add(work);
  };

  let closed: Promise<void> | undefined;
  const close = async () => {
    isClosing = true;
    session?.ended.abort();
    const { channel, tag } = session ?? {};
    if (channel && tag) ifOpen(() => void channel.cancel(tag).catch(() => {}));
    await handlersEnd(closeDeadlineMs);
    await ownChannel.close();
  };

  return {
    close() {
      closed ??= close();
      return closed;
    },
  };
}

/** Resolves when the message is settled, or left unsettled for the broker to requeue. */
async function handle<T>(spec: ConsumerSpec<T>, { channel, ended, message }: Delivery): Promise<void> {
  const raw = { routingKey: message.fields.routingKey, body: message.content };
  const parsed = spec.parse(raw);
  const settlement = 'deadLetter' in parsed ? parsed : await deliver(parsed.message, spec.handler, ended);
  if (settlement === 'requeue') return;
  if (settlement !== 'ack') {
    const reason = settlement.deadLetter;
    spec.onDeadLettered(raw, reason);
    const { deadLetter } = spec;
    if (deadLetter === 'reject') return ifOpen(() => channel.reject(message, false));
    if (!(await isDeadLettered(() => deadLetter(raw, reason), ended))) return;
  }
  ifOpen(() => channel.ack(message));
}

async function isDeadLettered(deadLetter: () => Promise<void>, ended: AbortSignal): Promise<boolean> {
  while (!ended.aborted) {
    try {
      await deadLetter();
      return true;
    } catch {
      // The publisher's problem shows in the status, and the message is not settled yet.
      await pause(deadLetterRetryMs, undefined, { signal: ended }).catch(() => {});
    }
  }
  return false;
}

/** On a channel that is gone nothing is to be settled: the broker delivers again. */
function ifOpen(act: () => void): void {
  try {
    act();
  } catch {
    // See above.
  }
}
