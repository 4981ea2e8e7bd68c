/** Opens one channel on the connection, and another after each loss of the channel or the connection, until it is closed. */

import { setTimeout as pause } from 'node:timers/promises';
import type { Channel, ChannelModel, ConfirmChannel } from 'amqplib';
import type { Clock } from '../../clock.ts';
import { settledWithin } from '../../concurrency/deadline.ts';
import { unlessAborted } from '../../concurrency/unless-aborted.ts';
import { createBackoff } from './backoff.ts';
import { closeTimeoutMs, type RecoveringConnection } from './connection-recovery.ts';

type ChannelKind = 'plain' | 'confirm';
type ChannelOf<K extends ChannelKind> = K extends 'confirm' ? ConfirmChannel : Channel;

export type ChannelSpec<K extends ChannelKind = ChannelKind> = {
  name: string;
  kind: K;
  /**
   * Is the bus unconnected without it? Any other is opened once the bus is connected: what it brings then comes after the
   * listeners of onConnected were called. An answer to a registration that came before them was asked for a second time.
   */
  isEssential: boolean;
  /** Runs on each new channel. A rejection means: try again later. */
  setup(channel: ChannelOf<K>): Promise<void>;
  /** The channel is gone, or its setup failed. Another one follows unless it is being closed. */
  onLost?(): void;
};

export type RecoveringChannel = {
  /** It is essential and not there. */
  isMissing(): boolean;
  /** The connection is gone, and the channel with it. */
  forget(): void;
  /** Not opened again from now on. */
  stop(): void;
  /** Stops, and resolves when the channel is closed. */
  close(): Promise<void>;
};

type RecoveringChannelOptions = {
  /** `opened`: resolves when the channel may be opened. */
  connection: Pick<RecoveringConnection, 'current' | 'opened'>;
  clock: Clock;
  /** Does the bus count as unconnected until it was there once? A channel added while connected does not change that. */
  isAwaited: boolean;
  /** It came up, or was lost. */
  onChange(): void;
  onProblem(part: string, error: unknown): void;
};

/** Declaring a handful of queues takes milliseconds. A broker that elects leaders takes seconds. */
const setupDeadlineMs = 15_000;
/** What lived this long was healthy: the next one is opened at once. */
const healthyAfterMs = 5_000;

export function recoverChannel<K extends ChannelKind>(
  spec: ChannelSpec<K>,
  { connection, clock, isAwaited, onChange, onProblem }: RecoveringChannelOptions,
): RecoveringChannel {
  const closing = new AbortController();
  const backoff = createBackoff({ clock, healthyAfterMs });
  let isOpen = false;
  let isCounted = isAwaited;

  /** Rejects when the channel is lost, with the reason, or when it is being closed. */
  const openOne = async (model: ChannelModel) => {
    const channel = await (spec.kind === 'confirm' ? model.createConfirmChannel() : model.createChannel());
    const lost = lossOf(channel);
    try {
      closing.signal.throwIfAborted();
      // The cast is what `kind` promises: a confirm channel for 'confirm'.
      await inTime(Promise.race([spec.setup(channel as ChannelOf<K>), lost]));
      isOpen = true;
      isCounted = spec.isEssential;
      onChange();
      await unlessAborted(lost, closing.signal);
    } finally {
      await closeQuietly(channel);
    }
  };

  const run = async () => {
    while (!closing.signal.aborted) {
      await unlessAborted(connection.opened(), closing.signal).catch(() => {});
      const model = connection.current();
      if (!model || closing.signal.aborted) continue;
      backoff.begin();
      await openOne(model).catch((error: unknown) => {
        // A lost connection is reported by the connection itself.
        if (connection.current() === model && !closing.signal.aborted) onProblem(spec.name, error);
      });
      isOpen = false;
      onChange();
      spec.onLost?.();
      const pauseMs = backoff.pauseMs();
      if (connection.current() !== model) backoff.reset();
      else await pause(pauseMs, undefined, { signal: closing.signal }).catch(() => {});
    }
  };
  const running = run();

  return {
    isMissing: () => isCounted && !isOpen,
    forget() {
      isOpen = false;
      isCounted = spec.isEssential;
    },
    stop: () => closing.abort(),
    close() {
      closing.abort();
      return running;
    },
  };
}

/** Rejects with the reason when the channel is closed by the broker, by us or with its connection. */
function lossOf(channel: Channel): Promise<never> {
  const lost = Promise.withResolvers<never>();
  lost.promise.catch(() => {});
  let reason = new Error('closed');
  channel.on('error', (error) => {
    reason = error;
  });
  channel.on('close', () => lost.reject(reason));
  return lost.promise;
}

async function inTime(setup: Promise<void>): Promise<void> {
  let isLate = true;
  const setUp = setup.finally(() => {
    isLate = false;
  });
  await settledWithin(setupDeadlineMs, setUp);
  if (isLate) throw new Error('the channel did not come up in time');
  await setUp;
}

/** Closing a closed channel throws, and over a dead connection it never ends. */
export function closeQuietly(channel: Channel): Promise<void> {
  return settledWithin(
    closeTimeoutMs,
    Promise.resolve().then(() => channel.close()),
  );
}
