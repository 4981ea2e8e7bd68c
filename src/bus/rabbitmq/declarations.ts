/** Declares the exchanges, queues and bindings of topology.ts. Repeating it changes nothing. */

import type { Channel } from 'amqplib';
import {
  commandsExchange,
  deadExchange,
  deadQueue,
  instanceQueue,
  nodeQueue,
  nodeStreamsQueue,
  nodesExchange,
  queueArguments,
  reportsQueue,
  routingKeys,
} from '../topology.ts';

/** What all managers share. */
export async function declareTopology(channel: Channel): Promise<void> {
  await channel.assertExchange(commandsExchange, 'topic', { durable: true });
  await channel.assertExchange(nodesExchange, 'topic', { durable: true });
  await channel.assertExchange(deadExchange, 'fanout', { durable: true });
  await channel.assertQueue(deadQueue, { durable: true, arguments: queueArguments.dead });
  await channel.bindQueue(deadQueue, deadExchange, '');
  await channel.assertQueue(reportsQueue, { durable: true, arguments: queueArguments.reports });
  await channel.bindQueue(reportsQueue, nodesExchange, routingKeys.reports);
}

const nodePrefix = routingKeys.node('');

/** The queue of a node, of an agent's instance or of a node's streams, by the routing key of a message for it. */
export async function declareRoute(channel: Channel, routingKey: string): Promise<void> {
  if (!routingKey.startsWith(nodePrefix)) return declareTopology(channel);
  const [node, instanceId] = routingKey.slice(nodePrefix.length).split('.') as [string, string?];
  if (instanceId !== undefined && routingKey !== routingKeys.streams(node)) {
    return declareBound(channel, instanceQueue(node, instanceId), { routingKey, args: queueArguments.instance });
  }
  // With the queue of commands too: the agent reads both from its start on, and the first stream finds its reader.
  const streams = { routingKey: routingKeys.streams(node), args: queueArguments.nodeStreams };
  await declareBound(channel, nodeStreamsQueue(node), streams);
  if (instanceId !== undefined) return;
  await declareBound(channel, nodeQueue(node), { routingKey, args: queueArguments.node });
}

type Bound = { routingKey: string; args: Record<string, string | number | boolean> };

async function declareBound(channel: Channel, queue: string, { routingKey, args }: Bound): Promise<void> {
  await channel.assertQueue(queue, { durable: true, arguments: args });
  await channel.bindQueue(queue, commandsExchange, routingKey);
}
