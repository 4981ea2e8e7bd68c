/** The broker's part of streams: a connection of their own, what a manager takes from one node, and what an agent answers. */

import type { AgentBus, Consumer, ManagerBus } from '../bus.ts';
import { encodeBody, parseStreamAnswer } from '../message-codec.ts';
import type { MessageLog } from '../message-log.ts';
import { nodesExchange, queueArguments, routingKeys, streamsQueue } from '../topology.ts';
import type { AmqpConnection } from './connection.ts';
import { consumeOwnQueue } from './own-queue.ts';
import { createPublisher } from './publisher.ts';

/** Opened with the first stream, and open until the bus is closed: what streams carry delays nothing else. */
export type StreamConnection = { get(): AmqpConnection; close(): Promise<void> };

export function createStreamConnection(open: () => AmqpConnection): StreamConnection {
  let connection: AmqpConnection | null = null;
  return {
    get() {
      connection ??= open();
      return connection;
    },
    close: async () => connection?.close(),
  };
}

type AnswersOptions = {
  clusterId: string;
  dropped: MessageLog;
  node: string;
  address: string;
  handler: Parameters<ManagerBus['consumeStreamAnswers']>[1];
};

/** What is under way is bounded by the credit of the streams, and what was lost ends them. */
export function consumeStreamAnswers(connection: AmqpConnection, options: AnswersOptions): Consumer {
  const { clusterId, dropped, node, address, handler } = options;
  const routingKey = routingKeys.stream(node, address);
  return consumeOwnQueue(connection, {
    name: `streams of ${node}`,
    isEssential: false,
    queue: streamsQueue(address, node),
    arguments: queueArguments.streams,
    routingKey,
    take({ fields: { routingKey: sentAs }, content }) {
      const parsed = parseStreamAnswer(content, { clusterId, routingKey: sentAs });
      if ('deadLetter' in parsed) dropped.note(sentAs, parsed.deadLetter);
      // Another node may have copied it here: the key it was sent under is what the broker vouches for.
      else if (sentAs !== routingKey) dropped.note(sentAs, `sent to the streams of ${node}`);
      else handler(parsed.message);
    },
  });
}

/** How long an answer waits for a manager that has just opened its first stream to this node: its queue is declared meanwhile. */
const answerDeadlineMs = 5_000;

/** @param userId the user of the connection, null when the URL names none */
export function createAnswerPublisher(
  connections: StreamConnection,
  { node, userId }: { node: string; userId: string | null },
): Pick<AgentBus, 'sendStreamAnswer' | 'close'> {
  const open = () =>
    createPublisher(connections.get(), {
      userId,
      declare: async () => {},
      route: () => Promise.reject(new Error('the manager has no queue for this node')),
    });
  let publisher: ReturnType<typeof open> | null = null;
  return {
    async sendStreamAnswer(answer, { deadlineMs = answerDeadlineMs } = {}) {
      publisher ??= open();
      const routingKey = routingKeys.stream(node, answer.manager);
      await publisher.publish({ exchange: nodesExchange, routingKey, body: encodeBody(answer) }, deadlineMs);
    },
    close: async () => publisher?.close(),
  };
}
