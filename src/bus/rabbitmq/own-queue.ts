/** Consumes what nodes publish under one routing key, from a queue that only this manager reads and that goes with it. */

import type { ConsumeMessage } from 'amqplib';
import type { Consumer } from '../bus.ts';
import { nodesExchange } from '../topology.ts';
import type { AmqpConnection } from './connection.ts';

type OwnQueueOptions = {
  name: string;
  isEssential: boolean;
  queue: string;
  arguments: Record<string, unknown>;
  routingKey: string;
  take(message: ConsumeMessage): void;
};

/** Without acknowledgements. Nothing is taken after `close`. */
export function consumeOwnQueue(
  connection: AmqpConnection,
  { name, isEssential, queue, arguments: queueArguments, routingKey, take }: OwnQueueOptions,
): Consumer {
  let isClosed = false;
  const ownChannel = connection.openChannel({
    name,
    kind: 'plain',
    isEssential,
    async setup(channel) {
      await channel.assertExchange(nodesExchange, 'topic', { durable: true });
      await channel.assertQueue(queue, { exclusive: true, autoDelete: true, arguments: queueArguments });
      await channel.bindQueue(queue, nodesExchange, routingKey);
      const takeUnlessClosed = (message: ConsumeMessage | null) => {
        if (isClosed) return;
        // The broker has deleted the queue.
        if (!message) return void channel.close().catch(() => {});
        take(message);
      };
      await channel.consume(queue, takeUnlessClosed, { noAck: true });
    },
  });
  return {
    close() {
      isClosed = true;
      return ownChannel.close();
    },
  };
}
