/**
 * A connection to RabbitMQ with its channels, each opened again after each loss, for as long as it is not closed. Knows
 * nothing of exchanges, queues or messages.
 */

import type { Channel } from 'amqplib';
import { type Clock, systemClock } from '../../clock.ts';
import { AppError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { ReadClientTls } from '../../tls/client-tls.ts';
import type { BusEnd } from '../bus.ts';
import { type ChannelSpec, closeQuietly, type RecoveringChannel, recoverChannel } from './channel-recovery.ts';
import { recoverConnection } from './connection-recovery.ts';
import { createConnectionStatus } from './connection-status.ts';

export type AmqpConnection = Pick<BusEnd, 'status' | 'isReachable' | 'onConnected'> & {
  /** A channel whose consumer was cancelled has to be closed by its user: that is a loss like any other. */
  openChannel<K extends ChannelSpec['kind']>(spec: ChannelSpec<K>): OpenChannel;
  /** A channel for one task. @throws AppError `bus_unavailable` when not connected */
  withChannel<T>(task: (channel: Channel) => Promise<T>): Promise<T>;
  /** Notifies the listeners of onConnected again: something was lost while connected, and is restored. */
  announce(): void;
  close(): Promise<void>;
};

export type OpenChannel = { close(): Promise<void> };

type AmqpConnectionOptions = {
  url: string;
  readTls?: ReadClientTls | undefined;
  name: string;
  /** A peer that is silent for two to three times this counts as gone: its consumers and exclusive queues are given up. */
  heartbeatSeconds: number;
  logger: Logger;
  clock?: Clock;
};

export function createAmqpConnection(options: AmqpConnectionOptions): AmqpConnection {
  const { readTls = async () => ({}), name, heartbeatSeconds, logger, clock = systemClock } = options;
  const url = new URL(options.url);
  if (!url.searchParams.has('heartbeat')) url.searchParams.set('heartbeat', String(heartbeatSeconds));

  const closing = new AbortController();
  const channels = new Set<RecoveringChannel>();
  const status = createConnectionStatus({
    description: `rabbitmq ${url.hostname}:${url.port || (url.protocol === 'amqps:' ? '5671' : '5672')}`,
    isUp: () =>
      connection.current() !== null && !connection.isBlocked() && ![...channels].some((channel) => channel.isMissing()),
    logger,
  });
  const connection = recoverConnection({
    url: url.href,
    readTls,
    name,
    clock,
    closing: closing.signal,
    onChange: status.update,
    onLost() {
      for (const channel of channels) channel.forget();
      status.update();
    },
    onProblem: status.addProblem,
  });

  return {
    status: status.status,
    isReachable: () => connection.current() !== null,
    onConnected: status.onConnected,
    openChannel(spec) {
      const channel = recoverChannel(spec, {
        connection: { current: connection.current, opened: spec.isEssential ? connection.opened : status.connected },
        clock,
        isAwaited: spec.isEssential && !status.isConnected(),
        onChange: status.update,
        onProblem: status.addProblem,
      });
      channels.add(channel);
      return {
        async close() {
          channels.delete(channel);
          channel.stop();
          status.update();
          await channel.close();
        },
      };
    },
    async withChannel(task) {
      const model = connection.current();
      if (!model) {
        throw new AppError('bus_unavailable', status.lastProblem() ?? 'not connected', { retryable: true });
      }
      const channel = await model.createChannel();
      channel.on('error', (error) => status.addProblem('task', error));
      try {
        return await task(channel);
      } finally {
        await closeQuietly(channel);
      }
    },
    announce: status.announce,
    async close() {
      closing.abort();
      status.close();
      for (const channel of channels) channel.stop();
      await Promise.all([...channels].map((channel) => channel.close()));
      await connection.close();
    },
  };
}
