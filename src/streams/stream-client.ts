/**
 * Opens streams to agents for one manager: what a container prints, a command inside it, what it uses. A stream ends by itself, with its
 * user, with its agent, or when either side is silent for too long. Keeps no more than its users have given credit for.
 */

import { randomUUID } from 'node:crypto';
import type { Consumer, ManagerBus } from '../bus/bus.ts';
import type { StreamAnswer, StreamAsk } from '../bus/stream-messages.ts';
import type { Clock } from '../clock.ts';
import { createByteRate } from '../concurrency/byte-rate.ts';
import { AppError } from '../errors.ts';
import type { Projector } from '../projections/live/projector.ts';
import { type ClientStream, createClientStream, type ManagedStream, type SendRequest } from './client-stream.ts';

export type StreamTarget = { node: string; container: string };

export type StreamClient = {
  /**
   * Resolves when the agent has opened it.
   * @throws AppError `node_silent` · `agent_too_old` · `streams_full` · `bus_unavailable` · what the agent refuses:
   *   `container_not_running` `exec_failed` `engine_unavailable` · the signal's reason
   */
  open(target: StreamTarget, ask: StreamAsk, signal: AbortSignal): Promise<ClientStream>;
  /** Ends all of them. */
  close(): void;
};

export type StreamClientDeps = {
  bus: Pick<ManagerBus, 'sendStreamRequest' | 'consumeStreamAnswers'>;
  clock: Clock;
  /** The agent of the node was heard after this time. */
  isHeardSince: (node: string, sinceMs: number) => boolean;
};

export type StreamClientOptions = {
  clusterId: string;
  managerId: string;
  /** Default 8 000: an agent that has just begun looks for its queue every 5 s. */
  openDeadlineMs?: number;
};

/** At one manager. Each has its window in memory. */
const streamsMax = 512;
/** Of all streams that a manager takes: half of what its thread can do. */
const bytesPerSecond = 16 * 1024 * 1024;
const openDeadlineMsDefault = 8_000;
const keepEveryMs = 5_000;
/** An agent that says nothing for three rounds is gone. */
const silentMs = 3 * keepEveryMs + 1_000;

/** The streams of one node, and what its agent answers. */
type NodeStreams = { address: string; consumer: Consumer; streams: Map<string, ManagedStream>; heardAtMs: number };

export function createStreamClient(deps: StreamClientDeps, options: StreamClientOptions): StreamClient {
  const { bus, clock, isHeardSince } = deps;
  const { clusterId, managerId, openDeadlineMs = openDeadlineMsDefault } = options;
  const rate = createByteRate(bytesPerSecond, clock);
  const nodes = new Map<string, NodeStreams>();
  let [open, addresses] = [0, 0];
  let isClosed = false;

  const take = (entry: NodeStreams, answer: StreamAnswer) => {
    entry.heardAtMs = clock.monotonicMs();
    if (answer.kind !== 'kept') return entry.streams.get(answer.streamId)?.take(answer);
    const kept = new Set(answer.streams);
    for (const [streamId, stream] of entry.streams) stream.noteKept(kept.has(streamId));
  };

  const nodeOf = (node: string): NodeStreams => {
    const found = nodes.get(node);
    if (found) return found;
    const streams = new Map<string, ManagedStream>();
    addresses += 1;
    const address = `${managerId}.${addresses}`;
    const consumer = bus.consumeStreamAnswers({ node, address }, (answer) => take(entry, answer));
    const entry: NodeStreams = { address, consumer, streams, heardAtMs: clock.monotonicMs() };
    nodes.set(node, entry);
    return entry;
  };

  const leave = (node: string, streamId: string) => {
    const entry = nodes.get(node);
    if (!entry?.streams.delete(streamId)) return;
    open -= 1;
    if (entry.streams.size > 0) return;
    nodes.delete(node);
    void entry.consumer.close();
  };

  const keep = () => {
    for (const [node, { address, streams, heardAtMs }] of nodes) {
      const request = { kind: 'keep' as const, clusterId, node, manager: address, streams: [...streams.keys()] };
      void bus.sendStreamRequest(request).catch(() => {});
      if (clock.monotonicMs() - heardAtMs < silentMs) continue;
      for (const stream of streams.values()) stream.end(silent(node));
    }
  };
  const timer = setInterval(keep, keepEveryMs).unref();

  return {
    async open({ node, container }, ask, signal) {
      signal.throwIfAborted();
      if (isClosed) throw new AppError('stopping', 'the manager is stopping', { retryable: true });
      if (open >= streamsMax) {
        throw new AppError('streams_full', `${streamsMax} streams are open at this manager`, { retryable: true });
      }
      const streamId = randomUUID();
      const send: SendRequest = (request) => bus.sendStreamRequest({ ...request, clusterId, node, streamId });
      const stream = createClientStream({ send, rate, onOver: () => leave(node, streamId) });
      const entry = nodeOf(node);
      entry.streams.set(streamId, stream);
      open += 1;
      const sentAtMs = clock.nowMs();
      const late = setTimeout(() => stream.end(unanswered(node, isHeardSince(node, sentAtMs))), openDeadlineMs);
      const onAbort = () => stream.end(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      stream.onOver(() => signal.removeEventListener('abort', onAbort));
      try {
        stream.begin({ manager: entry.address, container, ask });
        await stream.opened;
        return stream;
      } finally {
        clearTimeout(late);
      }
    },
    close() {
      isClosed = true;
      clearInterval(timer);
      const reason = new AppError('stopping', 'the manager is stopping', { retryable: true });
      for (const { streams } of nodes.values()) for (const stream of streams.values()) stream.end(reason);
    },
  };
}

const silent = (node: string) =>
  new AppError('node_silent', `the agent of ${node} does not answer`, { retryable: true });

function unanswered(node: string, isHeard: boolean): AppError {
  if (!isHeard) return silent(node);
  const why = 'it is of an older version, or its user at the broker has no right to streams: update it and join again';
  return new AppError('agent_too_old', `the agent of ${node} is heard, but opens no streams: ${why}`);
}

/** By the heartbeats in the log: of all managers, a second late. */
export const createHeardSince =
  (projector: Pick<Projector, 'view'>): StreamClientDeps['isHeardSince'] =>
  (node, sinceMs) =>
    Date.parse(projector.view.nodes.get(node)?.lastHeardAt ?? '') > sinceMs;
