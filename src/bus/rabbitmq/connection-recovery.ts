/** Opens one connection to RabbitMQ, and another after each loss, until it is closed. Knows nothing of channels. */

import { setTimeout as pause } from 'node:timers/promises';
import { type ChannelModel, connect } from 'amqplib';
import type { Clock } from '../../clock.ts';
import { settledWithin } from '../../concurrency/deadline.ts';
import type { ReadClientTls } from '../../tls/client-tls.ts';
import { createBackoff } from './backoff.ts';

/** The TCP connection and the AMQP handshake, each step of it. */
const connectTimeoutMs = 5_000;
/** What lived this long was healthy: the next one is opened at once. */
const healthyAfterMs = 5_000;
export const closeTimeoutMs = 1_000;

export type RecoveringConnection = {
  /** null while there is none. */
  current(): ChannelModel | null;
  /** Resolves when there is a connection. */
  opened(): Promise<void>;
  /** The broker takes no messages just now: it is short of memory or disk. */
  isBlocked(): boolean;
  /** Ends the connection there is. The signal has to be aborted before. */
  close(): Promise<void>;
};

type RecoveringConnectionOptions = {
  url: string;
  /** Before each connection: files may have changed. */
  readTls: ReadClientTls;
  /** Shown by the broker's own tools. */
  name: string;
  clock: Clock;
  /** Aborted: no further attempt. */
  closing: AbortSignal;
  /** It was opened, blocked or unblocked. */
  onChange(): void;
  onLost(): void;
  onProblem(part: string, error: unknown): void;
};

export function recoverConnection(options: RecoveringConnectionOptions): RecoveringConnection {
  const { url, readTls, name, clock, closing, onChange, onLost, onProblem } = options;
  const backoff = createBackoff({ clock, healthyAfterMs: healthyAfterMs + connectTimeoutMs });
  let model: ChannelModel | null = null;
  let opened = Promise.withResolvers<void>();
  let isBlocked = false;

  /** Rejects with the reason when the connection is over. */
  const openOne = async () => {
    const socket = { timeout: connectTimeoutMs, noDelay: true, clientProperties: { connection_name: name } };
    const one = await connect(url, { ...socket, ...(await readTls()) });
    const ended = Promise.withResolvers<void>();
    let reason = new Error('closed');
    one.on('error', (error) => {
      reason = error;
    });
    one.on('close', (error) => {
      reason = error ?? reason;
      if (model === one) forget();
      ended.resolve();
    });
    one.on('blocked', (why) => {
      isBlocked = true;
      onProblem('the broker takes no messages', why);
      onChange();
    });
    one.on('unblocked', () => {
      isBlocked = false;
      onChange();
    });
    if (closing.aborted) return end(one);
    model = one;
    opened.resolve();
    onChange();
    await ended.promise;
    throw reason;
  };

  const forget = () => {
    model = null;
    isBlocked = false;
    opened = Promise.withResolvers();
    onLost();
  };

  const run = async () => {
    while (!closing.aborted) {
      backoff.begin();
      await openOne().catch((error: unknown) => onProblem('connection', error));
      await pause(backoff.pauseMs(), undefined, { signal: closing }).catch(() => {});
    }
  };
  const running = run();

  return {
    current: () => model,
    opened: () => opened.promise,
    isBlocked: () => isBlocked,
    async close() {
      if (model) await end(model);
      await settledWithin(closeTimeoutMs, running);
    },
  };
}

/** Closing a closed connection throws, and over a dead network it never ends. */
async function end(model: ChannelModel): Promise<void> {
  const closed = Promise.resolve().then(() => model.close());
  await settledWithin(closeTimeoutMs, closed);
  // Not in the library's types: the socket, which an unanswered close leaves open.
  const { stream } = model.connection as unknown as { stream: { destroy(): void } };
  stream.destroy();
}
