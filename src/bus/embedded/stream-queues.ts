/** The queues of streams on the embedded bus: one for the requests to each node, one for each manager's answers from a node. */

import type { Logger } from '../../logger.ts';
import { createMemoryQueue, type MemoryQueue, type RawMessage } from '../memory-queue.ts';
import { createMessageLog } from '../message-log.ts';
import { nodeStreamsBytesMax, nodeStreamsLengthMax, streamsBytesMax } from '../topology.ts';
import { attachTo, push, type Subscription, unavailable } from './queue-access.ts';

export type StreamQueues = {
  pushStreamRequest(node: string, raw: RawMessage): void;
  consumeStreamRequests<T>(node: string, subscription: Subscription<T>): () => Promise<void>;
  /** Throws `bus_unavailable` also when nothing consumes what has this routing key. */
  pushStreamAnswer(raw: RawMessage): void;
  consumeStreamAnswers<T>(routingKey: string, subscription: Subscription<T>): () => Promise<void>;
  /** Ends its log lines. */
  close(): void;
};

const requestsLimits = { bytesMax: nodeStreamsBytesMax, lengthMax: nodeStreamsLengthMax, isSingleActive: true };
const answersLimits = { bytesMax: streamsBytesMax, lengthMax: Number.POSITIVE_INFINITY, isSingleActive: false };

export function createStreamQueues(logger: Logger): StreamQueues {
  const requests = new Map<string, MemoryQueue>();
  /** By routing key, while their manager has a consumer. */
  const answers = new Map<string, MemoryQueue>();
  const log = createMessageLog(logger, 'messages of streams dropped');
  /** They leave no dead letters: who sent one notices that it is missing. */
  const attach = attachTo(({ routingKey }, reason) => log.note(routingKey, reason));

  const requestsOf = (node: string): MemoryQueue => {
    const queue = requests.get(node) ?? createMemoryQueue(requestsLimits);
    requests.set(node, queue);
    return queue;
  };

  return {
    pushStreamRequest: (node, raw) => push(requestsOf(node), raw),
    consumeStreamRequests: (node, subscription) => attach(requestsOf(node), subscription),
    pushStreamAnswer(raw) {
      const queue = answers.get(raw.routingKey);
      if (!queue) throw unavailable('no manager reads the streams of this node', raw);
      push(queue, raw);
    },
    consumeStreamAnswers(routingKey, subscription) {
      const queue = createMemoryQueue(answersLimits);
      answers.set(routingKey, queue);
      const close = attach(queue, subscription);
      return async () => {
        if (answers.get(routingKey) === queue) answers.delete(routingKey);
        await close();
      };
    },
    close: log.close,
  };
}
