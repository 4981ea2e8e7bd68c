/** The bus on RabbitMQ: a manager's and an agent's interface to the topology of topology.ts. */

import { setTimeout as pause } from 'node:timers/promises';
import { createSemaphore } from '../../concurrency/semaphore.ts';
import type { Logger } from '../../logger.ts';
import type { ReadClientTls } from '../../tls/client-tls.ts';
import type { AgentBus, Consumer, ManagerBus } from '../bus.ts';
import { createDeadLetterShare } from '../dead-letter-share.ts';
import type { RawMessage } from '../memory-queue.ts';
import { encodeBody, parseCommand, parseRefusal, parseReport, parseStreamRequest } from '../message-codec.ts';
import { createMessageLog } from '../message-log.ts';
import {
  commandsExchange,
  deadExchange,
  instanceQueue,
  nodeQueue,
  nodeStreamsQueue,
  nodesExchange,
  reportsQueue,
  routingKeys,
} from '../topology.ts';
import { createAmqpConnection } from './connection.ts';
import { createAmqpConsumer } from './consumer.ts';
import { readDeadLetters, reasonHeaders } from './dead-letters.ts';
import { declareRoute, declareTopology } from './declarations.ts';
import { consumeHeartbeats } from './heartbeat-consumer.ts';
import { createPublisher } from './publisher.ts';
import { consumeStreamAnswers, createAnswerPublisher, createStreamConnection } from './streams.ts';

type AmqpOptions = {
  url: string;
  /** For an amqps:// broker; default: the authorities Node.js knows. */
  readTls?: ReadClientTls | undefined;
  clusterId: string;
  logger: Logger;
};

const prefetchDefault = 100;
/** Handled at once: none waits for another. */
const requestsPrefetch = 100;
/**
 * The broker gives the reports of a manager that stands still to another one after 2 to 3 s: before the lease of a hung
 * leader is over, so that the next one has them. The failure detector allows for such a stall as well.
 */
const managerHeartbeatSeconds = 1;
const agentHeartbeatSeconds = 5;
/** Queues declared at once: a broker takes tens of milliseconds for each, and thousands of nodes may be new together. */
const declaringMax = 8;
/**
 * A broker cancels the consumers of a deleted queue with a delay (measured on 3.10: 30 ms), unless a queue of that name
 * exists again by then. They then stay attached to it, count as its consumers, and never get a message. So a queue that
 * existed before is declared again no sooner than this.
 */
const deletionNoticeMs = 1_000;

/** Starts to connect at once, and keeps trying until it is closed. */
export function createAmqpManagerBus(options: AmqpOptions & { managerId: string }): ManagerBus {
  const { url, readTls, clusterId, managerId, logger } = options;
  const own = { url, readTls, logger, heartbeatSeconds: managerHeartbeatSeconds };
  const connection = createAmqpConnection({ ...own, name: `co manager ${managerId}` });
  const streams = createStreamConnection(() =>
    createAmqpConnection({ ...own, name: `co manager ${managerId} streams` }),
  );
  const logs = createLogs(logger);
  const share = createDeadLetterShare();
  const consumers = new Set<Consumer>();
  /** Routing keys of node queues that took a command. When a message for one is returned, its queue was deleted. */
  const reached = new Set<string>();
  const declaring = createSemaphore({ permits: declaringMax });
  const publisher = createPublisher(connection, {
    userId: userOf(url),
    declare: declareTopology,
    async route(routingKey) {
      if (reached.delete(routingKey)) await pause(deletionNoticeMs, undefined, { ref: false });
      await declaring.run(() => connection.withChannel((channel) => declareRoute(channel, routingKey)));
    },
  });
  const deadLetter = async ({ routingKey, body }: RawMessage, reason: string) => {
    if (!share.take(routingKey)) return logs.overShare.note(routingKey, reason);
    await publisher.publish({ exchange: deadExchange, routingKey, body, headers: reasonHeaders(reason) });
  };

  return {
    status: connection.status,
    isReachable: connection.isReachable,
    onConnected: connection.onConnected,
    async sendCommand(command, { deadlineMs } = {}) {
      const routingKey = routingKeys.node(command.node);
      await publisher.publish({ exchange: commandsExchange, routingKey, body: encodeBody(command) }, deadlineMs);
      reached.add(routingKey);
    },
    async sendRefusal(refusal, { deadlineMs } = {}) {
      const routingKey = routingKeys.instance(refusal.node, refusal.instanceId);
      await publisher.publish({ exchange: commandsExchange, routingKey, body: encodeBody(refusal) }, deadlineMs);
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
        onDeadLettered: ({ routingKey }, reason) => logs.deadLettered.note(routingKey, reason),
      });
      return track(consumers, consumer);
    },
    consumeHeartbeats(handler) {
      return track(consumers, consumeHeartbeats(connection, { clusterId, managerId, dropped: logs.dropped, handler }));
    },
    async sendStreamRequest(request, { deadlineMs } = {}) {
      const routingKey = routingKeys.streams(request.node);
      await publisher.publish({ exchange: commandsExchange, routingKey, body: encodeBody(request) }, deadlineMs);
      reached.add(routingKey);
    },
    consumeStreamAnswers(from, handler) {
      const options = { clusterId, dropped: logs.streamsDropped, ...from, handler };
      return track(consumers, consumeStreamAnswers(streams.get(), options));
    },
    readDeadLetters: (limit) => connection.withChannel((channel) => readDeadLetters(channel, limit)),
    close: closing([streams, connection], [publisher], consumers, logs.close),
  };
}

/** Starts to connect at once, and keeps trying until it is closed. Needs no more rights than `agentPermissions` gives. */
export function createAmqpAgentBus(options: AmqpOptions & { node: string }): AgentBus {
  const { url, readTls, clusterId, node, logger } = options;
  const common = { url, readTls, logger, heartbeatSeconds: agentHeartbeatSeconds };
  const connection = createAmqpConnection({ ...common, name: `co agent ${node}` });
  const streams = createStreamConnection(() => createAmqpConnection({ ...common, name: `co agent ${node} streams` }));
  const answers = createAnswerPublisher(streams, { node, userId: userOf(url) });
  const logs = createLogs(logger);
  const consumers = new Set<Consumer>();
  const publisher = createPublisher(connection, {
    userId: userOf(url),
    declare: async () => {},
    // An agent may not declare it. The publisher tries again after a pause.
    route: () => Promise.reject(new Error('no manager has declared the queue yet')),
  });
  /** Managers declare the queues of an agent: before its first registration, or a refusal, there is none, and the agent is connected all the same. */
  const own = {
    prefetch: 1,
    isEssential: false,
    declare: async () => {},
    deadLetter: 'reject' as const,
    onDeadLettered: ({ routingKey }: RawMessage, reason: string) => logs.deadLettered.note(routingKey, reason),
  };

  return {
    status: connection.status,
    isReachable: connection.isReachable,
    onConnected: connection.onConnected,
    async sendReport(report, { deadlineMs } = {}) {
      const message = { exchange: nodesExchange, routingKey: routingKeys.report(node), body: encodeBody(report) };
      await publisher.publish(message, deadlineMs);
    },
    sendHeartbeat(heartbeat, onTaken) {
      const routingKey = routingKeys.heartbeat(node);
      publisher.publishOnce({ exchange: nodesExchange, routingKey, body: encodeBody(heartbeat) }, onTaken);
    },
    consumeCommands(handler) {
      const consumer = createAmqpConsumer(connection, {
        ...own,
        name: 'commands',
        queue: nodeQueue(node),
        parse: ({ body, routingKey }) => parseCommand(body, { clusterId, routingKey }),
        handler,
        // Commands were deleted with the old queue. Registering again brings all desired containers.
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
    consumeStreamRequests(handler) {
      const consumer = createAmqpConsumer(connection, {
        ...own,
        name: 'streams',
        queue: nodeStreamsQueue(node),
        prefetch: requestsPrefetch,
        parse: ({ body, routingKey }) => parseStreamRequest(body, { clusterId, routingKey }),
        async handler(request) {
          handler(request);
          return 'ack';
        },
      });
      return track(consumers, consumer);
    },
    sendStreamAnswer: answers.sendStreamAnswer,
    close: closing([streams, connection], [publisher, answers], consumers, logs.close),
  };
}

/** null: the URL names no user, and messages go unsigned. */
function userOf(url: string): string | null {
  const { username } = new URL(url);
  return username === '' ? null : decodeURIComponent(username);
}

function createLogs(logger: Logger) {
  const deadLettered = createMessageLog(logger, 'messages dead-lettered');
  const overShare = createMessageLog(
    logger,
    'messages beyond the share of their sender among the dead letters, dropped',
  );
  const dropped = createMessageLog(logger, 'heartbeats dropped');
  const streamsDropped = createMessageLog(logger, 'answers of streams dropped');
  return {
    ...{ deadLettered, overShare, dropped, streamsDropped },
    close() {
      for (const log of [deadLettered, overShare, dropped, streamsDropped]) log.close();
    },
  };
}

function track(consumers: Set<Consumer>, consumer: Consumer): Consumer {
  consumers.add(consumer);
  return {
    async close() {
      await consumer.close();
      consumers.delete(consumer);
    },
  };
}

type Closable = { close(): Promise<void> };

/** Consumers first: their handlers may still send. The second call waits for the first. */
function closing(
  connections: Closable[],
  publishers: Closable[],
  consumers: ReadonlySet<Consumer>,
  closeLogs: () => void,
) {
  let closed: Promise<void> | undefined;
  const close = async () => {
    for (const group of [[...consumers], publishers, connections]) {
      await Promise.all(group.map((one) => one.close()));
    }
    closeLogs();
  };
  return () => {
    closed ??= close();
    return closed;
  };
}
