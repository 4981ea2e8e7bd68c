/** Consumes the heartbeats of all nodes for one manager, from a queue of its own. */

import type { Consumer, ManagerBus } from '../bus.ts';
import { parseHeartbeat } from '../message-codec.ts';
import type { MessageLog } from '../message-log.ts';
import { heartbeatsQueue, nodesExchange, queueArguments, routingKeys } from '../topology.ts';
import type { AmqpConnection } from './connection.ts';

type HeartbeatOptions = {
  clusterId: string;
  managerId: string;
  dropped: MessageLog;
  handler: Parameters<ManagerBus['consumeHeartbeats']>[0];
};

/** Without acknowledgements: a heartbeat that was lost is followed by the next one. */
export function consumeHeartbeats(
  connection: AmqpConnection,
  { clusterId, managerId, dropped, handler }: HeartbeatOptions,
): Consumer {
  const queue = heartbeatsQueue(managerId);
  let isClosed = false;
  const ownChannel = connection.openChannel({
    name: 'heartbeats',
    kind: 'plain',
    isEssential: true,
    async setup(channel) {
      await channel.assertExchange(nodesExchange, 'topic', { durable: true });
      await channel.assertQueue(queue, { exclusive: true, autoDelete: true, arguments: queueArguments.heartbeats });
      await channel.bindQueue(queue, nodesExchange, routingKeys.heartbeats);
      const take = (message: { fields: { routingKey: string }; content: Buffer } | null) => {
        if (isClosed) return;
        if (!message) return void channel.close().catch(() => {});
        const { routingKey } = message.fields;
        const parsed = parseHeartbeat(message.content, { clusterId, routingKey });
        if ('deadLetter' in parsed) dropped.note(routingKey, parsed.deadLetter);
        else handler(parsed.message);
      };
      await channel.consume(queue, take, { noAck: true });
    },
  });
  return {
    close() {
      isClosed = true;
      return ownChannel.close();
    },
  };
}
