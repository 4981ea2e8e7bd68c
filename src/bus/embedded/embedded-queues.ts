/** The queues of the embedded bus: the topology of topology.ts in memory, bounded as the broker's queues are. */

import type { Logger } from '../../logger.ts';
import type { DeadLetter } from '../bus.ts';
import { createDeadLetterShare } from '../dead-letter-share.ts';
import { createMemoryQueue, type MemoryQueue, type RawMessage } from '../memory-queue.ts';
import { createMessageLog } from '../message-log.ts';
import {
  deadQueueLengthMax,
  instanceQueueLengthMax,
  nodeQueueLengthMax,
  reportsQueueLengthMax,
  routingKeys,
} from '../topology.ts';
import { attachTo, push, type Subscription } from './queue-access.ts';
import { createStreamQueues, type StreamQueues } from './stream-queues.ts';

/** Each `consume…` returns a function that closes the consumer. Each `push…` throws `bus_unavailable` when its queue is full. */
export type EmbeddedQueues = StreamQueues & {
  pushCommand(node: string, raw: RawMessage): void;
  consumeCommands<T>(node: string, subscription: Subscription<T>): () => Promise<void>;
  pushReport(raw: RawMessage): void;
  consumeReports<T>(subscription: Subscription<T>): () => Promise<void>;
  /** Dropped while the instance has no consumer, or its queue is full: the refusal is repeated at the next registration. */
  pushRefusal(raw: RawMessage): void;
  consumeRefusals<T>(node: string, instanceId: string, subscription: Subscription<T>): () => Promise<void>;
  /** To all listeners, in a later microtask. */
  publishHeartbeat(raw: RawMessage): void;
  onHeartbeat(listener: (raw: RawMessage) => void): () => Promise<void>;
  deadLetters(limit: number): DeadLetter[];
  /** Ends its log lines. */
  close(): void;
};

/** All messages of one queue together. A node this far behind is sent its desired containers, and memory stays bounded. */
const queueBytesMax = 64 * 1024 * 1024;

const nodeQueueLimits = { bytesMax: queueBytesMax, lengthMax: nodeQueueLengthMax, isSingleActive: true };
const reportsQueueLimits = { bytesMax: queueBytesMax, lengthMax: reportsQueueLengthMax, isSingleActive: true };
const instanceQueueLimits = { bytesMax: queueBytesMax, lengthMax: instanceQueueLengthMax, isSingleActive: false };

export function createEmbeddedQueues(logger: Logger): EmbeddedQueues {
  const reports = createMemoryQueue(reportsQueueLimits);
  const nodes = new Map<string, MemoryQueue>();
  /** By routing key, while their instance has a consumer. */
  const instances = new Map<string, MemoryQueue>();
  const heartbeatListeners = new Set<(raw: RawMessage) => void>();
  const dead: DeadLetter[] = [];

  const nodeQueue = (node: string): MemoryQueue => {
    const queue = nodes.get(node) ?? createMemoryQueue(nodeQueueLimits);
    nodes.set(node, queue);
    return queue;
  };

  const log = createMessageLog(logger, 'messages dead-lettered');
  const share = createDeadLetterShare();

  const deadLetter = ({ routingKey, body }: RawMessage, reason: string) => {
    log.note(routingKey, reason);
    if (!share.take(routingKey)) return;
    dead.push({ routingKey, reason, body: body.toString() });
    if (dead.length > deadQueueLengthMax) dead.shift();
  };

  const attach = attachTo(deadLetter);
  const streams = createStreamQueues(logger);

  return {
    ...streams,
    pushCommand: (node, raw) => push(nodeQueue(node), raw),
    consumeCommands: (node, subscription) => attach(nodeQueue(node), subscription),
    pushReport: (raw) => push(reports, raw),
    consumeReports: (subscription) => attach(reports, subscription),
    pushRefusal: (raw) => void instances.get(raw.routingKey)?.push(raw),
    consumeRefusals(node, instanceId, subscription) {
      const routingKey = routingKeys.instance(node, instanceId);
      const queue = createMemoryQueue(instanceQueueLimits);
      instances.set(routingKey, queue);
      const close = attach(queue, subscription);
      return async () => {
        instances.delete(routingKey);
        await close();
      };
    },
    publishHeartbeat(raw) {
      for (const listener of heartbeatListeners) {
        queueMicrotask(() => {
          if (heartbeatListeners.has(listener)) listener(raw);
        });
      }
    },
    onHeartbeat(listener) {
      heartbeatListeners.add(listener);
      return async () => {
        heartbeatListeners.delete(listener);
      };
    },
    deadLetters: (limit) => dead.slice(0, limit),
    close() {
      log.close();
      streams.close();
    },
  };
}
