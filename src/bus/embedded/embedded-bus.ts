/**
 * The bus inside one process, with the topology and the guarantees of the broker it replaces. Carries bytes, so that
 * sender and receiver share nothing. Keeps nothing over a restart: agents register and get their desired containers.
 */

import { AppError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { AgentBus, BusEnd, BusStatus, Consumer, Disposition, ManagerBus } from '../bus.ts';
import {
  encodeBody,
  parseCommand,
  parseHeartbeat,
  parseRefusal,
  parseReport,
  parseStreamAnswer,
  parseStreamRequest,
} from '../message-codec.ts';
import { createMessageLog, type MessageLog } from '../message-log.ts';
import { routingKeys } from '../topology.ts';
import { createEmbeddedQueues, type EmbeddedQueues } from './embedded-queues.ts';

export type EmbeddedBroker = {
  /** A manager's bus. Several may exist side by side, as in tests of failover. */
  manager(managerId: string): ManagerBus;
  agent(node: string): AgentBus;
  /** Closes all of them. */
  close(): Promise<void>;
};

const prefetchDefault = 100;

export function createEmbeddedBroker({ clusterId, logger }: { clusterId: string; logger: Logger }): EmbeddedBroker {
  const dropped = createMessageLog(logger, 'heartbeats dropped');
  const shared = { clusterId, queues: createEmbeddedQueues(logger), dropped };
  const ends = new Set<BusEnd>();
  const open = <E extends BusEnd>(create: (base: EmbeddedEnd) => E): E => {
    const base = createEmbeddedEnd(() => ends.delete(base.end));
    ends.add(base.end);
    return create(base);
  };
  return {
    manager: () => open((base) => createManagerBus(shared, base)),
    agent: (node) => open((base) => createAgentBus(shared, base, node)),
    async close() {
      await Promise.all([...ends].map((end) => end.close()));
      dropped.close();
      shared.queues.close();
    },
  };
}

type Shared = { clusterId: string; queues: EmbeddedQueues; dropped: MessageLog };

function createManagerBus({ clusterId, queues, dropped }: Shared, { end, assertOpen, track }: EmbeddedEnd): ManagerBus {
  return {
    ...end,
    async sendCommand(command) {
      assertOpen();
      queues.pushCommand(command.node, { routingKey: routingKeys.node(command.node), body: encodeBody(command) });
    },
    async sendRefusal(refusal) {
      assertOpen();
      const routingKey = routingKeys.instance(refusal.node, refusal.instanceId);
      queues.pushRefusal({ routingKey, body: encodeBody(refusal) });
    },
    consumeReports(handler, { prefetch = prefetchDefault } = {}) {
      assertOpen();
      const parse = parserOf(parseReport, clusterId);
      return track(queues.consumeReports({ parse, handler, prefetch }));
    },
    consumeHeartbeats(handler) {
      assertOpen();
      const close = queues.onHeartbeat(({ routingKey, body }) => {
        const parsed = parseHeartbeat(body, { clusterId, routingKey });
        if ('deadLetter' in parsed) dropped.note(routingKey, parsed.deadLetter);
        else handler(parsed.message);
      });
      return track(close);
    },
    async sendStreamRequest(request) {
      assertOpen();
      const routingKey = routingKeys.streams(request.node);
      queues.pushStreamRequest(request.node, { routingKey, body: encodeBody(request) });
    },
    consumeStreamAnswers({ node, address }, handler) {
      assertOpen();
      const subscription = { parse: parserOf(parseStreamAnswer, clusterId), handler: acking(handler), prefetch: 1 };
      return track(queues.consumeStreamAnswers(routingKeys.stream(node, address), subscription));
    },
    readDeadLetters: async (limit) => queues.deadLetters(limit),
  };
}

function createAgentBus(
  { clusterId, queues }: Shared,
  { end, assertOpen, track }: EmbeddedEnd,
  node: string,
): AgentBus {
  return {
    ...end,
    async sendReport(report) {
      assertOpen();
      queues.pushReport({ routingKey: routingKeys.report(node), body: encodeBody(report) });
    },
    sendHeartbeat(heartbeat, onTaken) {
      if (end.status().state === 'closed') return;
      queues.publishHeartbeat({ routingKey: routingKeys.heartbeat(node), body: encodeBody(heartbeat) });
      onTaken?.();
    },
    consumeCommands(handler) {
      assertOpen();
      const parse = parserOf(parseCommand, clusterId);
      return track(queues.consumeCommands(node, { parse, handler, prefetch: 1 }));
    },
    consumeRefusals(instanceId, handler) {
      assertOpen();
      const parse = parserOf(parseRefusal, clusterId);
      return track(queues.consumeRefusals(node, instanceId, { parse, handler, prefetch: 1 }));
    },
    consumeStreamRequests(handler) {
      assertOpen();
      const parse = parserOf(parseStreamRequest, clusterId);
      return track(queues.consumeStreamRequests(node, { parse, handler: acking(handler), prefetch: 1 }));
    },
    async sendStreamAnswer(answer) {
      assertOpen();
      queues.pushStreamAnswer({ routingKey: routingKeys.stream(node, answer.manager), body: encodeBody(answer) });
    },
  };
}

type Parser<T> = (body: Buffer, scope: { clusterId: string; routingKey: string }) => T;

const parserOf =
  <T>(parse: Parser<T>, clusterId: string) =>
  ({ body, routingKey }: { body: Buffer; routingKey: string }) =>
    parse(body, { clusterId, routingKey });

const acking =
  <T>(handler: (message: T) => void) =>
  async (message: T): Promise<Disposition> => {
    handler(message);
    return 'ack';
  };

/** What the buses of managers and agents have in common. */
type EmbeddedEnd = {
  end: BusEnd;
  /** @throws AppError `bus_closed` */
  assertOpen(): void;
  /** Closed with the bus, if not before. */
  track(close: () => Promise<void>): Consumer;
};

function createEmbeddedEnd(onClose: () => void): EmbeddedEnd {
  const consumers = new Set<() => Promise<void>>();
  let state: BusStatus['state'] = 'connected';
  return {
    end: {
      status: () => ({ state, description: 'embedded', trouble: null }),
      isReachable: () => state === 'connected',
      onConnected(listener) {
        if (state === 'connected') listener();
        return () => {};
      },
      async close() {
        state = 'closed';
        onClose();
        await Promise.all([...consumers].map((close) => close()));
      },
    },
    assertOpen() {
      if (state === 'closed') throw new AppError('bus_closed', 'the bus is closed');
    },
    track(close) {
      consumers.add(close);
      return {
        async close() {
          await close();
          consumers.delete(close);
        },
      };
    },
  };
}
