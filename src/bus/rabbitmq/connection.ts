/**
 * Owns one connection to RabbitMQ and keeps it, and every channel asked of it, alive for ever: each is built again after
 * each loss. Knows nothing of exchanges, queues or messages.
 */

import { setTimeout as pause } from 'node:timers/promises';
import { type Channel, type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import { systemClock } from '../../clock.ts';
import { AppError, errorMessage } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { BusEnd } from '../bus.ts';

export type AmqpLink = Pick<BusEnd, 'status' | 'onConnected'> & {
  keep<K extends ChannelKind>(spec: ChannelSpec<K>): KeptChannel;
  /** A channel for one task. @throws AppError `bus_unavailable` when not connected */
  withChannel<T>(task: (channel: Channel) => Promise<T>): Promise<T>;
  /** Tells the listeners of onConnected again: something was lost on the way and is back. */
  announce(): void;
  close(): Promise<void>;
};

type ChannelKind = 'plain' | 'confirm';
type ChannelOf<K extends ChannelKind> = K extends 'confirm' ? ConfirmChannel : Channel;

export type ChannelSpec<K extends ChannelKind> = {
  name: string;
  kind: K;
  /** Does the link count as connected without it? */
  isEssential: boolean;
  /** Runs on each new channel; a rejection means: try again later. */
  setup(channel: ChannelOf<K>): Promise<void>;
  /** The channel is gone, or its setup failed; another one follows unless the keeping ends. */
  onLost?(): void;
};

/** A channel whose consumer was cancelled is closed by whoever noticed: that is a loss like any other. */
export type KeptChannel = { close(): Promise<void> };

/** TCP and the AMQP handshake, each silence in it. */
const connectTimeoutMs = 5_000;
/** A peer silent for about twice this is gone; the broker frees exclusive queues of lost managers by the same rule. */
const heartbeatSeconds = 5;
/** Declaring a handful of queues takes milliseconds; a broker that elects leaders takes seconds. */
const setupDeadlineMs = 15_000;
const backoffFirstMs = 100;
/** A broker that is back is found within this; 5 000 agents are then 1 000 attempts a second at most. */
const backoffMaxMs = 5_000;
/** What lived this long was healthy: its next loss is repaired at once. */
const healthyAfterMs = 5_000;
const closeTimeoutMs = 1_000;

type Kept = {
  spec: ChannelSpec<ChannelKind>;
  channel: Channel | null;
  /** Does its absence make the link unconnected? A newcomer to a connected link does not, until it was there once. */
  isCounted: boolean;
  closing: AbortController;
  done: Promise<void>;
};

export function createAmqpLink({ url, name, logger }: { url: string; name: string; logger: Logger }): AmqpLink {
  const target = new URL(url);
  if (!target.searchParams.has('heartbeat')) target.searchParams.set('heartbeat', String(heartbeatSeconds));
  const description = `rabbitmq ${target.hostname}:${target.port || (target.protocol === 'amqps:' ? '5671' : '5672')}`;

  const closing = new AbortController();
  const kept = new Set<Kept>();
  const listeners = new Set<() => void>();
  let model: ChannelModel | null = null;
  let arrival = Promise.withResolvers<void>();
  let trouble: string | null = 'not connected yet';
  /** Last words of each part since the link was well: the same trouble is told once. */
  const told = new Map<string, string>();
  let blocked: string | null = null;
  let wasConnected = false;

  const isConnected = () =>
    model !== null && blocked === null && [...kept].every(({ channel, isCounted }) => channel !== null || !isCounted);

  /** Called after everything that can change the state. */
  const review = () => {
    const isNow = !closing.signal.aborted && isConnected();
    if (isNow === wasConnected) return;
    wasConnected = isNow;
    if (!isNow) return;
    trouble = null;
    told.clear();
    logger.info({ broker: description }, 'bus connected');
    announce();
  };

  const announce = () => {
    if (wasConnected) for (const listener of listeners) listener();
  };

  const note = (error: unknown, part: string) => {
    const words = errorMessage(error);
    trouble = `${part}: ${words}`;
    if (closing.signal.aborted || told.get(part) === words) return;
    told.set(part, words);
    logger.warn({ broker: description, part, trouble: words }, 'bus trouble');
  };

  const stayConnected = async () => {
    for (let failures = 0; !closing.signal.aborted; ) {
      const startedMs = systemClock.monotonicMs();
      try {
        await holdConnection();
      } catch (error) {
        note(error, 'connection');
      }
      failures = systemClock.monotonicMs() - startedMs > healthyAfterMs + connectTimeoutMs ? 1 : failures + 1;
      await backOff(failures, closing.signal);
    }
  };

  /** Rejects with the reason when the connection is over. */
  const holdConnection = async () => {
    const socket = { timeout: connectTimeoutMs, noDelay: true, clientProperties: { connection_name: name } };
    const opened = await connect(target.href, socket);
    const over = Promise.withResolvers<void>();
    let reason = new Error('closed');
    opened.on('error', (error) => {
      reason = error;
    });
    opened.on('close', (error) => {
      reason = error ?? reason;
      if (model === opened) forget();
      over.resolve();
    });
    opened.on('blocked', (words) => {
      blocked = words;
      note(words, 'the broker takes no messages');
      review();
    });
    opened.on('unblocked', () => {
      blocked = null;
      review();
    });
    if (closing.signal.aborted) return endConnection(opened);
    model = opened;
    arrival.resolve();
    review();
    await over.promise;
    throw reason;
  };

  const forget = () => {
    model = null;
    blocked = null;
    arrival = Promise.withResolvers();
    for (const entry of kept) {
      entry.channel = null;
      entry.isCounted = entry.spec.isEssential;
    }
    review();
  };

  const stayOpen = async (entry: Kept) => {
    const { signal } = entry.closing;
    for (let failures = 0; !signal.aborted; ) {
      await unlessAborted(arrival.promise, signal);
      const of = model;
      if (!of || signal.aborted) continue;
      const startedMs = systemClock.monotonicMs();
      try {
        await holdChannel(entry, of);
      } catch (error) {
        if (model === of) note(error, entry.spec.name);
      }
      entry.channel = null;
      review();
      entry.spec.onLost?.();
      failures = systemClock.monotonicMs() - startedMs > healthyAfterMs ? 1 : failures + 1;
      if (model !== of) failures = 0;
      else await backOff(failures, signal);
    }
  };

  /** Settles when the keeping ends, rejects with the reason when the channel is lost. */
  const holdChannel = async (entry: Kept, of: ChannelModel) => {
    const { spec } = entry;
    const { signal } = entry.closing;
    const channel = await (spec.kind === 'confirm' ? of.createConfirmChannel() : of.createChannel());
    const lost = Promise.withResolvers<never>();
    lost.promise.catch(() => {});
    let reason = new Error('closed');
    channel.on('error', (error) => {
      reason = error;
    });
    channel.on('close', () => lost.reject(reason));
    try {
      if (signal.aborted) return;
      // The cast is what `kind` promises: a confirm channel for 'confirm'.
      const isUp = spec.setup(channel as ConfirmChannel).then(() => true);
      isUp.catch(() => {});
      const isInTime = await within(setupDeadlineMs, Promise.race([isUp, lost.promise]));
      if (!isInTime) throw new Error('the channel did not come up in time');
      entry.channel = channel;
      entry.isCounted = spec.isEssential;
      review();
      await unlessAborted(lost.promise, signal);
    } finally {
      await within(closeTimeoutMs, closeQuietly(channel));
    }
  };

  const running = stayConnected();

  return {
    status() {
      if (closing.signal.aborted) return { state: 'closed', description, trouble: null };
      return wasConnected
        ? { state: 'connected', description, trouble: null }
        : { state: 'connecting', description, trouble };
    },
    onConnected(listener) {
      listeners.add(listener);
      if (wasConnected) listener();
      return () => listeners.delete(listener);
    },
    keep(spec) {
      const entry: Kept = {
        spec: spec as ChannelSpec<ChannelKind>,
        channel: null,
        isCounted: spec.isEssential && !wasConnected,
        closing: new AbortController(),
        done: Promise.resolve(),
      };
      kept.add(entry);
      entry.done = stayOpen(entry);
      return {
        async close() {
          kept.delete(entry);
          entry.closing.abort();
          review();
          await entry.done;
        },
      };
    },
    async withChannel(task) {
      if (!model) throw new AppError('bus_unavailable', trouble ?? 'not connected', { retryable: true });
      const channel = await model.createChannel();
      channel.on('error', (error) => note(error, 'task'));
      try {
        return await task(channel);
      } finally {
        await within(closeTimeoutMs, closeQuietly(channel));
      }
    },
    announce,
    async close() {
      closing.abort();
      wasConnected = false;
      listeners.clear();
      for (const entry of kept) entry.closing.abort();
      await Promise.all([...kept].map(({ done }) => done));
      if (model) await endConnection(model);
      await within(closeTimeoutMs, running);
    },
  };
}

/** Exponential, with jitter so that those who lost the same broker do not return in step. */
async function backOff(failures: number, signal: AbortSignal): Promise<void> {
  const fullMs = Math.min(backoffMaxMs, backoffFirstMs * 2 ** Math.min(failures - 1, 10));
  await pause(fullMs * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => {});
}

/** What the promise gives, or undefined as soon as the signal is aborted. Leaves no listener behind. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  if (signal.aborted) return undefined;
  const end = Promise.withResolvers<undefined>();
  const onAbort = () => end.resolve(undefined);
  signal.addEventListener('abort', onAbort);
  try {
    return await Promise.race([promise, end.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** null when time ran out. */
async function within<T>(ms: number, promise: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, ms, null);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Closing what is closed already throws, closing over a dead connection never ends. */
async function closeQuietly(channel: Channel): Promise<void> {
  await Promise.resolve()
    .then(() => channel.close())
    .catch(() => {});
}

async function endConnection(model: ChannelModel): Promise<void> {
  await within(
    closeTimeoutMs,
    Promise.resolve()
      .then(() => model.close())
      .catch(() => {}),
  );
  // Not in the library's types: the socket, which a close that never came through leaves open.
  const { stream } = model.connection as unknown as { stream: { destroy(): void } };
  stream.destroy();
}
