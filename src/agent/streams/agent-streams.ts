/**
 * The streams that managers have opened to this node: each ends by itself, when its manager closes it, when that manager does not name it
 * any more, or with the agent. Touches no container otherwise.
 */

import type { AgentBus } from '../../bus/bus.ts';
import type { OpenRequest, StreamError, StreamRequest } from '../../bus/stream-messages.ts';
import type { Clock } from '../../clock.ts';
import { createByteRate } from '../../concurrency/byte-rate.ts';
import { settledWithin } from '../../concurrency/deadline.ts';
import { AppError, errorMessage } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { ContainerSpec } from '../../model/service.ts';
import { createSecretMask } from '../containers/secret-mask.ts';
import { injectedSecrets } from '../containers/secrets.ts';
import type { Engine } from '../engine/engine.ts';
import { createStreamAnswers, type StreamAnswers } from './stream-answers.ts';
import { type ExecInput, type SourceOptions, sendExec, sendLogs, sendStats } from './stream-sources.ts';

export type AgentStreams = {
  handle(request: StreamRequest): void;
  /** Ends all of them: within a second. */
  close(): Promise<void>;
};

export type AgentStreamsDeps = {
  bus: Pick<AgentBus, 'sendStreamAnswer'>;
  engine: Pick<Engine, 'logs' | 'exec' | 'stats' | 'environment'>;
  clock: Clock;
  logger: Logger;
  /** null: this node has no container of that id. */
  specOf: (container: string) => ContainerSpec | null;
};

/** Each has a connection to the engine, and as much in memory as it has credit. */
const streamsMax = 256;
/** Of all streams together. What is beyond waits: the engine keeps it. */
const bytesPerSecond = 8 * 1024 * 1024;
/** A manager names its streams every 5 s. */
const leaseMs = 20_000;
const leaseCheckMs = 5_000;
const closeDeadlineMs = 1_000;

type OpenStream = {
  open: OpenRequest;
  answers: StreamAnswers;
  ending: AbortController;
  /** Of a command that runs; null: there is none yet. */
  input: ExecInput | null;
  /** Of the last request. */
  sequence: number;
  keptAtMs: number;
  over: Promise<void>;
};

export function createAgentStreams(
  deps: AgentStreamsDeps,
  { clusterId, node }: { clusterId: string; node: string },
): AgentStreams {
  const { bus, clock, logger } = deps;
  const rate = createByteRate(bytesPerSecond, clock);
  const streams = new Map<string, OpenStream>();

  const endSilent = () => {
    const oldestMs = clock.monotonicMs() - leaseMs;
    for (const { keptAtMs, ending } of streams.values()) {
      if (keptAtMs < oldestMs) ending.abort(new AppError('stream_broken', 'its manager is silent'));
    }
  };
  const timer = setInterval(endSilent, leaseCheckMs).unref();

  const begin = (open: OpenRequest) => {
    if (streams.has(open.streamId)) return;
    const ending = new AbortController();
    const answers = createStreamAnswers({ bus, rate }, open, ending.signal);
    const onLost = (error: unknown) => logger.debug({ err: error, streamId: open.streamId }, 'a stream was lost');
    if (streams.size >= streamsMax) return void refuseFull(answers).catch(onLost);
    const { sequence } = open;
    const over = Promise.resolve();
    const stream: OpenStream = { open, answers, ending, input: null, sequence, keptAtMs: clock.monotonicMs(), over };
    streams.set(open.streamId, stream);
    stream.over = run(deps, stream)
      .catch(onLost)
      .finally(() => streams.delete(open.streamId));
  };

  const keep = ({ manager, streams: named }: Extract<StreamRequest, { kind: 'keep' }>) => {
    const own = named.filter((streamId) => streams.get(streamId)?.open.manager === manager);
    for (const streamId of own) streams.get(streamId)!.keptAtMs = clock.monotonicMs();
    // What is lost is repeated with the next one.
    void bus.sendStreamAnswer({ kind: 'kept', clusterId, node, manager, streams: own }).catch(() => {});
  };

  return {
    handle(request) {
      if (request.clusterId !== clusterId || request.node !== node) return;
      if (request.kind === 'keep') return keep(request);
      if (request.kind === 'open') return begin(request);
      const stream = streams.get(request.streamId);
      if (stream) apply(stream, request);
    },
    async close() {
      clearInterval(timer);
      for (const { ending } of streams.values()) ending.abort(new AppError('stream_broken', 'the agent is stopping'));
      const ends = [...streams.values()].map(({ over }) => over);
      await settledWithin(closeDeadlineMs, Promise.all(ends));
    },
  };
}

type LaterRequest = Exclude<StreamRequest, { kind: 'open' | 'keep' }>;

function apply(stream: OpenStream, request: LaterRequest): void {
  const { ending, answers, input } = stream;
  // The broker may have it twice.
  if (request.sequence <= stream.sequence) return;
  if (request.sequence > stream.sequence + 1) {
    ending.abort(new AppError('stream_broken', 'a request of the stream is missing'));
    return;
  }
  stream.sequence = request.sequence;
  try {
    if (request.kind === 'close') ending.abort(new AppError('client_gone', 'its client has left'));
    else if (request.kind === 'credit') answers.addCredit(request.bytes);
    else if (request.kind === 'input') input?.write(Buffer.from(request.bytes, 'base64'));
    else if (request.kind === 'input end') input?.end();
    else input?.resize(request.size);
  } catch (error) {
    ending.abort(error);
  }
}

async function refuseFull(answers: StreamAnswers): Promise<void> {
  const message = `${streamsMax} streams are open to this node already`;
  await answers.sendEnd({ kind: 'end', error: { code: 'streams_full', message } });
}

/** Until its end, which is its last answer. @throws what the bus throws */
async function run(deps: AgentStreamsDeps, stream: OpenStream): Promise<void> {
  const { answers, ending } = stream;
  let mask = (text: string) => text;
  try {
    const { container } = stream.open;
    const spec = deps.specOf(container);
    if (!spec) throw new AppError('container_not_running', `this node has no ${container}`);
    const secrets = await injectedSecrets(deps.engine, { container, spec });
    mask = createSecretMask(secrets);
    const exitCode = await runSource(deps, stream, { container, secrets, signal: ending.signal });
    ending.signal.throwIfAborted();
    await answers.sendEnd({ kind: 'end', ...(exitCode === null ? {} : { exitCode }) });
  } catch (caught) {
    const error = ending.signal.aborted ? ending.signal.reason : caught;
    // There is no one to hear it.
    if (error instanceof AppError && error.code === 'client_gone') return;
    await answers.sendEnd({ kind: 'end', error: errorOf(error, mask) });
  }
}

/** @returns the exit code of a command; null: there is none */
async function runSource(
  { engine }: AgentStreamsDeps,
  stream: OpenStream,
  source: SourceOptions,
): Promise<number | null> {
  const { answers } = stream;
  const { ask } = stream.open;
  if (ask.kind === 'exec') {
    const onInput = (input: ExecInput) => {
      stream.input = input;
    };
    return sendExec(engine, answers, { ...ask.options, ...source, onInput });
  }
  if (ask.kind === 'logs') await sendLogs(engine, answers, { ...ask.options, ...source });
  else await sendStats(engine, answers, source);
  return null;
}

const codes: ReadonlySet<string> = new Set<StreamError['code']>([
  'container_not_running',
  'exec_failed',
  'engine_unavailable',
  'streams_full',
  'stream_broken',
]);

function errorOf(error: unknown, mask: (text: string) => string): StreamError {
  const code =
    error instanceof AppError && codes.has(error.code) ? (error.code as StreamError['code']) : 'stream_broken';
  return { code, message: mask(errorMessage(error)).slice(0, 1_024) };
}
