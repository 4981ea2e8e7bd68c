/** Owns the bus on RabbitMQ: the manager's end and the agent's end on the topology of topology.ts. */

import { setTimeout as pause } from 'node:timers/promises';
import type { Channel, GetMessage } from 'amqplib';
import type { Logger } from '../../logger.ts';
import type { AgentBus, Consumer, DeadLetter, ManagerBus } from '../bus.ts';
import { createForeignMessageLog, type ForeignMessageLog } from '../foreign-message-log.ts';
import type { RawMessage } from '../memory-queue.ts';
import { encodeBody, parseCommand, parseHeartbeat, parseRefusal, parseReport } from '../message-codec.ts';
import {
  deadExchange,
  deadQueue,
  exchange,
  heartbeatsQueue,
  instanceQueue,
  nodeQueue,
  queueArguments,
  reportsQueue,
  routingKeys,
} from '../topology.ts';
import { type AmqpConnection, createAmqpConnection } from './connection.ts';
import { createAmqpConsumer } from './consumer.ts';
import { createPublisher, type Publisher } from './publisher.ts';

export type AmqpOptions = { url: string; clusterId: string; logger: Logger };

const prefetchDefault = 100;
/** Reading the reason of a dead letter from here: set by us, or by the broker in `x-death`. */
const reasonHeader = 'x-co-reason';
/** A reason is for people; headers have to fit one frame. */
const reasonLengthMax = 2_000;
/** Queues declared at once: a broker takes tens of milliseconds for each, and thousands of nodes may be new together. */
const declaringMax = 8;
/**
 * A broker tells the consumers of a deleted queue a moment later (measured on 3.10: 30 ms), unless there is one of that
 * name again by then: they stay attached, are given messages, and never get one. So a queue that was there before is
 * declared again no sooner than this.
 */
const deletionNoticeMs = 1_000;

/** Starts to connect at once, and goes on for ever. */
export function createAmqpManagerBus(options: AmqpOptions & { managerId: string }): ManagerBus {
  const { url, clusterId, managerId, logger } = options;
  const connection = createAmqpConnection({ url, name: `co manager ${managerId}`, logger });
  const foreign = createForeignMessageLog(logger);
  const consumers = new Set<Consumer>();
  /** Nodes whose queue has taken a command: when it takes none any more, it was deleted. */
  const reached = new Set<string>();
  const declareOne = limit(declaringMax, (routingKey) =>
    connection.withChannel((channel) => declareRoute(channel, routingKey)),
  );
  const publisher = createPublisher(connection, {
    userId: userOf(url),
    declare: declareTopology,
    async route(routingKey) {
      if (reached.delete(routingKey)) await pause(deletionNoticeMs, undefined, { ref: false });
      await declareOne(routingKey);
    },
  });
  const deadLetter = ({ routingKey, body }: RawMessage, reason: string) => {
    const headers = { [reasonHeader]: reason.slice(0, reasonLengthMax) };
    return publisher.publish({ exchange: deadExchange, routingKey, body, headers });
  };

  return {
    status: connection.status,
    onConnected: connection.onConnected,
    async sendCommand(command, { deadlineMs } = {}) {
      const routingKey = routingKeys.node(command.node);
      await publisher.publish({ exchange, routingKey, body: encodeBody(command) }, deadlineMs);
      reached.add(routingKey);
    },
    async sendRefusal(refusal, { deadlineMs } = {}) {
      const routingKey = routingKeys.instance(refusal.node, refusal.instanceId);
      await publisher.publish({ exchange, routingKey, body: encodeBody(refusal) }, deadlineMs);
    },
    consumeReports(handler, { prefetch = prefetchDefault } = {}) {
      const consumer = createAmqpConsumer(connection, {
        name: 'reports',
        queue: reportsQueue,
        prefetch,
        isEssential: true,
        declare: declareTopology,
        parse: ({ body, routingKey }) => parseReport(body, { clusterId, routingKey }),
        handler,
        deadLetter,
        onDeadLettered: logDeadLettered(logger),
      });
      return track(consumers, consumer);
    },
    consumeHeartbeats(handler) {
      return track(consumers, consumeHeartbeats(connection, { clusterId, managerId, foreign, handler }));
    },
    readDeadLetters: (limit) => connection.withChannel((channel) => readDeadLetters(channel, limit)),
    close: closing(connection, publisher, consumers, foreign),
  };
}

/** Starts to connect at once, and goes on for ever. Works with no more rights than `agentPermissions` gives. */
export function createAmqpAgentBus(options: AmqpOptions & { node: string }): AgentBus {
  const { url, clusterId, node, logger } = options;
  const connection = createAmqpConnection({ url, name: `co agent ${node}`, logger });
  const consumers = new Set<Consumer>();
  const publisher = createPublisher(connection, {
    userId: userOf(url),
    declare: async () => {},
    // Nothing an agent may do about it: failing makes the publisher look again in a while.
    route: () => Promise.reject(new Error('no manager has declared the queue yet')),
  });
  /** Managers declare what an agent reads: before its first registration, or a refusal, there is none, and it is connected all the same. */
  const own = {
    prefetch: 1,
    isEssential: false,
    declare: async () => {},
    deadLetter: 'reject' as const,
    onDeadLettered: logDeadLettered(logger),
  };

  return {
    status: connection.status,
    onConnected: connection.onConnected,
    async sendReport(report, { deadlineMs } = {}) {
      await publisher.publish({ exchange, routingKey: routingKeys.report(node), body: encodeBody(report) }, deadlineMs);
    },
    sendHeartbeat(heartbeat) {
      publisher.pass({ exchange, routingKey: routingKeys.heartbeat(node), body: encodeBody(heartbeat) });
    },
    consumeCommands(handler) {
      const consumer = createAmqpConsumer(connection, {
        ...own,
        name: 'commands',
        queue: nodeQueue(node),
        parse: ({ body, routingKey }) => parseCommand(body, { clusterId, routingKey }),
        handler,
        // Commands went with the old queue: registering again brings the whole wanted set.
        onRestored: connection.announce,
      });
      return track(consumers, consumer);
    },
    consumeRefusals(instanceId, handler) {
      const consumer = createAmqpConsumer(connection, {
        ...own,
        name: 'refusals',
        queue: instanceQueue(node, instanceId),
        parse: ({ body, routingKey }) => parseRefusal(body, { clusterId, routingKey }),
        handler,
      });
      return track(consumers, consumer);
    },
    close: closing(connection, publisher, consumers, null),
  };
}

async function declareTopology(channel: Channel): Promise<void> {
  await channel.assertExchange(exchange, 'topic', { durable: true });
  await channel.assertExchange(deadExchange, 'fanout', { durable: true });
  await channel.assertQueue(deadQueue, { durable: true, arguments: queueArguments.dead });
  await channel.bindQueue(deadQueue, deadExchange, '');
  await channel.assertQueue(reportsQueue, { durable: true, arguments: queueArguments.reports });
  await channel.bindQueue(reportsQueue, exchange, routingKeys.reports);
}

const nodePrefix = routingKeys.node('');

async function declareRoute(channel: Channel, routingKey: string): Promise<void> {
  if (!routingKey.startsWith(nodePrefix)) return declareTopology(channel);
  const [node, instanceId] = routingKey.slice(nodePrefix.length).split('.') as [string, string?];
  const queue = instanceId === undefined ? nodeQueue(node) : instanceQueue(node, instanceId);
  const args = instanceId === undefined ? queueArguments.node : queueArguments.instance;
  await channel.assertQueue(queue, { durable: true, arguments: args });
  await channel.bindQueue(queue, exchange, routingKey);
}

/** At most `lanes` calls at once, the others in order of their coming. */
function limit(lanes: number, act: (routingKey: string) => Promise<void>): (routingKey: string) => Promise<void> {
  const busy = Array.from({ length: lanes }, () => Promise.resolve());
  let turn = 0;
  return (routingKey) => {
    turn = (turn + 1) % lanes;
    const acted = busy[turn]!.then(() => act(routingKey));
    busy[turn] = acted.catch(() => {});
    return acted;
  };
}

type HeartbeatOptions = {
  clusterId: string;
  managerId: string;
  foreign: ForeignMessageLog;
  handler: Parameters<ManagerBus['consumeHeartbeats']>[0];
};

/** Without acknowledgements: a heartbeat that was lost is followed by the next one. */
function consumeHeartbeats(
  connection: AmqpConnection,
  { clusterId, managerId, foreign, handler }: HeartbeatOptions,
): Consumer {
  const queue = heartbeatsQueue(managerId);
  let isClosed = false;
  const ownChannel = connection.openChannel({
    name: 'heartbeats',
    kind: 'plain',
    isEssential: true,
    async setup(channel) {
      await channel.assertExchange(exchange, 'topic', { durable: true });
      await channel.assertQueue(queue, { exclusive: true, autoDelete: true, arguments: queueArguments.heartbeats });
      await channel.bindQueue(queue, exchange, routingKeys.heartbeats);
      const take = (message: { fields: { routingKey: string }; content: Buffer } | null) => {
        if (isClosed) return;
        if (!message) return void channel.close().catch(() => {});
        const { routingKey } = message.fields;
        const parsed = parseHeartbeat(message.content, { clusterId, routingKey });
        if ('deadLetter' in parsed) foreign.drop(routingKey, parsed.deadLetter);
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

async function readDeadLetters(channel: Channel, limit: number): Promise<DeadLetter[]> {
  const read: DeadLetter[] = [];
  while (read.length < limit) {
    const message = await channel.get(deadQueue);
    if (!message) break;
    read.push({
      routingKey: message.fields.routingKey,
      reason: reasonOf(message),
      body: message.content.toString(),
    });
  }
  if (read.length > 0) channel.nackAll(true);
  return read;
}

function reasonOf({ properties: { headers } }: GetMessage): string {
  const ours: unknown = headers?.[reasonHeader];
  if (typeof ours === 'string') return ours;
  const [death] = headers?.['x-death'] ?? [];
  return death ? `${death.reason} in ${death.queue}` : 'unknown';
}

/** null: the URL names no user, and messages go unsigned. */
function userOf(url: string): string | null {
  const { username } = new URL(url);
  return username === '' ? null : decodeURIComponent(username);
}

const logDeadLettered = (logger: Logger) => (raw: RawMessage, reason: string) =>
  logger.warn({ routingKey: raw.routingKey, reason }, 'message dead-lettered');

function track(consumers: Set<Consumer>, consumer: Consumer): Consumer {
  consumers.add(consumer);
  return {
    async close() {
      await consumer.close();
      consumers.delete(consumer);
    },
  };
}

/** Consumers first: their handlers may still send. The second call waits for the first. */
function closing(
  connection: AmqpConnection,
  publisher: Publisher,
  consumers: Set<Consumer>,
  foreign: ForeignMessageLog | null,
) {
  let closed: Promise<void> | undefined;
  const close = async () => {
    await Promise.all([...consumers].map((consumer) => consumer.close()));
    await publisher.close();
    await connection.close();
    foreign?.close();
  };
  return () => {
    closed ??= close();
    return closed;
  };
}
