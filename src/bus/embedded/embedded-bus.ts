/**
 * Owns the bus inside one process, with the same topology and the same promises as the broker it stands in for. Carries
 * bytes, so that its two sides share nothing. Keeps nothing over a restart: agents register and get their wanted set.
 */

import { AppError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { AgentBus, BusEnd, BusStatus, Consumer, DeadLetter, Disposition, ManagerBus } from '../bus.ts';
import { deliver } from '../delivery.ts';
import { createForeignMessageLog } from '../foreign-message-log.ts';
import { createMemoryQueue, type MemoryQueue, type RawMessage } from '../memory-queue.ts';
import { encodeBody, type Parsed, parseCommand, parseHeartbeat, parseRefusal, parseReport } from '../message-codec.ts';
import type { Heartbeat } from '../messages.ts';
import {
  deadQueueLengthMax,
  instanceQueueLengthMax,
  nodeQueueLengthMax,
  reportsQueueLengthMax,
  routingKeys,
} from '../topology.ts';

export type EmbeddedBroker = {
  /** An end for a manager. Several may live side by side, as in tests of failover. */
  manager(managerId: string): ManagerBus;
  agent(node: string): AgentBus;
  /** Closes all ends. */
  close(): Promise<void>;
};

/** All messages of one queue together: a node this far behind gets its wanted set, and memory stays bounded. */
const queueBytesMax = 64 * 1024 * 1024;

const prefetchDefault = 100;

type HeartbeatListener = (raw: RawMessage) => void;

export function createEmbeddedBroker({ clusterId, logger }: { clusterId: string; logger: Logger }): EmbeddedBroker {
  const limits = { bytesMax: queueBytesMax };
  const reports = createMemoryQueue({ ...limits, lengthMax: reportsQueueLengthMax, isSingleActive: true });
  const nodes = new Map<string, MemoryQueue>();
  /** By routing key; while their instance reads them. */
  const instances = new Map<string, MemoryQueue>();
  const heartbeatListeners = new Set<HeartbeatListener>();
  const deadLetters: DeadLetter[] = [];
  const ends = new Set<BusEnd>();
  const foreign = createForeignMessageLog(logger);

  const nodeQueueOf = (node: string): MemoryQueue => {
    const queue =
      nodes.get(node) ?? createMemoryQueue({ ...limits, lengthMax: nodeQueueLengthMax, isSingleActive: true });
    nodes.set(node, queue);
    return queue;
  };

  const push = (queue: MemoryQueue, raw: RawMessage) => {
    if (queue.push(raw)) return;
    const details = { routingKey: raw.routingKey };
    throw new AppError('bus_unavailable', 'the queue is full: its reader is far behind', { retryable: true, details });
  };

  const deadLetter = ({ routingKey, body }: RawMessage, reason: string) => {
    logger.warn({ routingKey, reason }, 'message dead-lettered');
    deadLetters.push({ routingKey, reason, body: body.toString() });
    if (deadLetters.length > deadQueueLengthMax) deadLetters.shift();
  };

  const consume = <T>(
    queue: MemoryQueue,
    parse: (raw: RawMessage) => Parsed<T>,
    handler: (message: T) => Promise<Disposition>,
    prefetch: number,
  ) =>
    queue.attach({
      prefetch,
      deadLetter,
      async settle(raw, closing) {
        const parsed = parse(raw);
        return 'deadLetter' in parsed ? parsed : deliver(parsed.message, handler, closing);
      },
    });

  const createEnd = () => {
    const consumers = new Set<() => Promise<void>>();
    let state: BusStatus['state'] = 'connected';
    const end: BusEnd = {
      status: () => ({ state, description: 'embedded', trouble: null }),
      onConnected(listener) {
        if (state === 'connected') listener();
        return () => {};
      },
      async close() {
        state = 'closed';
        ends.delete(end);
        await Promise.all([...consumers].map((close) => close()));
      },
    };
    ends.add(end);
    const assertOpen = () => {
      if (state === 'closed') throw new AppError('bus_closed', 'the bus is closed');
    };
    const track = (close: () => Promise<void>): Consumer => {
      consumers.add(close);
      return {
        async close() {
          await close();
          consumers.delete(close);
        },
      };
    };
    return { end, assertOpen, track };
  };

  const consumeHeartbeats = (handler: (heartbeat: Heartbeat) => void): (() => Promise<void>) => {
    const listener: HeartbeatListener = (raw) => {
      const parsed = parseHeartbeat(raw.body, { clusterId, routingKey: raw.routingKey });
      if ('deadLetter' in parsed) foreign.drop(raw.routingKey, parsed.deadLetter);
      else handler(parsed.message);
    };
    heartbeatListeners.add(listener);
    return async () => {
      heartbeatListeners.delete(listener);
    };
  };

  return {
    manager() {
      const { end, assertOpen, track } = createEnd();
      return {
        ...end,
        async sendCommand(command) {
          assertOpen();
          push(nodeQueueOf(command.node), { routingKey: routingKeys.node(command.node), body: encodeBody(command) });
        },
        async sendRefusal(refusal) {
          assertOpen();
          const routingKey = routingKeys.instance(refusal.node, refusal.instanceId);
          // Said again at the next registration, so an instance that does not listen yet loses nothing.
          instances.get(routingKey)?.push({ routingKey, body: encodeBody(refusal) });
        },
        consumeReports(handler, { prefetch = prefetchDefault } = {}) {
          assertOpen();
          const parse = ({ body, routingKey }: RawMessage) => parseReport(body, { clusterId, routingKey });
          return track(consume(reports, parse, handler, prefetch));
        },
        consumeHeartbeats(handler) {
          assertOpen();
          return track(consumeHeartbeats(handler));
        },
        readDeadLetters: async (limit) => deadLetters.slice(0, limit),
      };
    },
    agent(node) {
      const { end, assertOpen, track } = createEnd();
      return {
        ...end,
        async sendReport(report) {
          assertOpen();
          push(reports, { routingKey: routingKeys.report(node), body: encodeBody(report) });
        },
        sendHeartbeat(heartbeat) {
          if (end.status().state === 'closed') return;
          const raw = { routingKey: routingKeys.heartbeat(node), body: encodeBody(heartbeat) };
          for (const listener of heartbeatListeners) {
            queueMicrotask(() => {
              if (heartbeatListeners.has(listener)) listener(raw);
            });
          }
        },
        consumeCommands(handler) {
          assertOpen();
          const parse = ({ body, routingKey }: RawMessage) => parseCommand(body, { clusterId, routingKey });
          return track(consume(nodeQueueOf(node), parse, handler, 1));
        },
        consumeRefusals(instanceId, handler) {
          assertOpen();
          const key = routingKeys.instance(node, instanceId);
          const queue = createMemoryQueue({ ...limits, lengthMax: instanceQueueLengthMax, isSingleActive: false });
          instances.set(key, queue);
          const parse = ({ body, routingKey }: RawMessage) => parseRefusal(body, { clusterId, routingKey });
          const close = consume(queue, parse, handler, 1);
          return track(async () => {
            instances.delete(key);
            await close();
          });
        },
      };
    },
    async close() {
      await Promise.all([...ends].map((end) => end.close()));
      foreign.close();
    },
  };
}
