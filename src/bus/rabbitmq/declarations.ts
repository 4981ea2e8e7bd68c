/** Declares the exchanges, queues and bindings of topology.ts. Repeating it changes nothing. */

import type { Channel } from 'amqplib';
import {
  commandsExchange,
  deadExchange,
  deadQueue,
  instanceQueue,
  nodeQueue,
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

/** The queue of a node or of an agent's instance, by the routing key of a message for it. */
export async function declareRoute(channel: Channel, routingKey: string): Promise<void> {
  if (!routingKey.startsWith(nodePrefix)) return declareTopology(channel);
  const [node, instanceId] = routingKey.slice(nodePrefix.length).split('.') as [string, string?];
  const queue = instanceId === undefined ? nodeQueue(node) : instanceQueue(node, instanceId);
  const args = instanceId === undefined ? queueArguments.node : queueArguments.instance;
  await channel.assertQueue(queue, { durable: true, arguments: args });
  await channel.bindQueue(queue, commandsExchange, routingKey);
}
