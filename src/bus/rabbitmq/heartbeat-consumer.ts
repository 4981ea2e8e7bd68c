/** Consumes the heartbeats of all nodes for one manager, from a queue of its own. */

import type { Consumer, ManagerBus } from '../bus.ts';
import { parseHeartbeat } from '../message-codec.ts';
import type { MessageLog } from '../message-log.ts';
import { heartbeatsQueue, queueArguments, routingKeys } from '../topology.ts';
import type { AmqpConnection } from './connection.ts';
import { consumeOwnQueue } from './own-queue.ts';

type HeartbeatOptions = {
  clusterId: string;
  managerId: string;
  dropped: MessageLog;
  handler: Parameters<ManagerBus['consumeHeartbeats']>[0];
};

/** A heartbeat that was lost is followed by the next one. */
export function consumeHeartbeats(
  connection: AmqpConnection,
  { clusterId, managerId, dropped, handler }: HeartbeatOptions,
): Consumer {
  return consumeOwnQueue(connection, {
    name: 'heartbeats',
    isEssential: true,
    queue: heartbeatsQueue(managerId),
    arguments: queueArguments.heartbeats,
    routingKey: routingKeys.heartbeats,
    take({ fields: { routingKey }, content }) {
      const parsed = parseHeartbeat(content, { clusterId, routingKey });
      if ('deadLetter' in parsed) dropped.note(routingKey, parsed.deadLetter);
      else handler(parsed.message);
    },
  });
}
