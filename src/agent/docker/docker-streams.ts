/** What a container prints, a command inside it and what it uses, as calls of Docker. Reads on only as far as it is taken. */

import type { Duplex, Readable } from 'node:stream';
import type Docker from 'dockerode';
import type { Clock } from '../../clock.ts';
import { AppError } from '../../errors.ts';
import type { ContainerStats, ExecOptions, LogLine, LogOptions } from '../../model/stream.ts';
import type { Engine, EngineExec, LogsHow } from '../engine/engine.ts';
import { createFrameReader, createLineReader } from '../engine/log-lines.ts';
import { asUnavailable, callDocker, DockerRefusal, hasStatus, queryDeadlineMs } from './docker-call.ts';
import type { DockerContainers } from './docker-containers.ts';

type Deps = { docker: Docker; containers: DockerContainers; clock: Clock };

/** Below the time in which a manager gives up on a node. */
const execDeadlineMs = 5_000;
/** Docker closes the output of a command just before it has its exit code. */
const exitCodeTries = 20;
const exitCodePauseMs = 50;

export function createDockerStreams(deps: Deps): Pick<Engine, 'logs' | 'exec' | 'stats'> {
  return {
    logs: (container, options, how) => readLogs(deps, container, { ...options, ...how }),
    exec: (container, options) => startExec(deps, container, options),
    stats: (container) => readStats(deps, container),
  };
}

async function* readLogs(
  { docker, containers }: Deps,
  container: string,
  { follow, tail, since, mask, signal }: LogOptions & LogsHow,
): AsyncGenerator<LogLine[]> {
  const handle = await containers.handleOf(container);
  if (!handle || signal.aborted) return;
  const wanted = {
    ...{ follow, stdout: true, stderr: true, timestamps: true },
    tail: tail ?? 'all',
    ...(since === null ? {} : { since: (Date.parse(since) / 1000).toFixed(3) }),
  };
  const stream = await openLogs(docker, handle.id, wanted);
  const leave = () => stream?.destroy();
  signal.addEventListener('abort', leave, { once: true });
  const readFrames = createFrameReader();
  const reader = createLineReader(mask);
  try {
    if (!stream || signal.aborted) return;
    for await (const piece of stream) {
      const lines = reader.read(readFrames(piece as Buffer));
      if (lines.length > 0) yield lines;
    }
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof AppError) throw error;
    throw new AppError('engine_unavailable', 'the engine ended the stream', { retryable: true, cause: error });
  } finally {
    signal.removeEventListener('abort', leave);
    leave();
  }
  const rest = reader.rest();
  if (rest.length > 0) yield rest;
}

/** The client's own call keeps an answer in memory as a whole unless it follows. null: there is none, or its driver keeps nothing. */
async function openLogs(docker: Docker, id: string, options: object): Promise<Readable | null> {
  const statusCodes = { 200: true, 404: 'no such container', 500: 'server error' };
  const request = { path: `/containers/${id}/logs?`, method: 'GET', isStream: true, statusCodes, options };
  const dial = () =>
    new Promise<Readable>((resolve, reject) => {
      docker.modem.dial(request, (error, stream) => (error ? reject(error) : resolve(stream as Readable)));
    });
  try {
    return await callDocker('logs', queryDeadlineMs, dial);
  } catch (error) {
    if (hasStatus(error, 404, 409, 501)) return null;
    throw asUnavailable('logs', error);
  }
}

async function startExec(
  { containers }: Deps,
  container: string,
  { command, tty, stdin, size }: ExecOptions,
): Promise<EngineExec> {
  const handle = await containers.handleOf(container);
  if (!handle) throw notRunning(container);
  const wanted = { Cmd: command, Tty: tty, AttachStdin: stdin, AttachStdout: true, AttachStderr: true };
  try {
    const exec = await callDocker('exec', execDeadlineMs, (abortSignal) => handle.exec({ ...wanted, abortSignal }));
    const stream = await callDocker('exec', execDeadlineMs, () => exec.start({ hijack: true, stdin, Tty: tty }));
    if (tty && size) await resizeExec(exec, size).catch(() => {});
    return execOf(exec, stream, tty);
  } catch (error) {
    if (hasStatus(error, 404, 409)) throw notRunning(container);
    if (error instanceof DockerRefusal) throw new AppError('exec_failed', error.message, { cause: error });
    throw error;
  }
}

function execOf(exec: Docker.Exec, stream: Duplex, tty: boolean): EngineExec {
  // Read from its `output`; without a listener an error of it would end the process.
  stream.on('error', () => {});
  return {
    async *output() {
      const readFrames = createFrameReader();
      try {
        for await (const piece of stream) {
          if (tty) yield { output: 'stdout', bytes: piece as Buffer };
          else for (const { output, payload: bytes } of readFrames(piece as Buffer)) yield { output, bytes };
        }
      } catch (error) {
        if (!stream.destroyed || error instanceof AppError) throw error;
      } finally {
        // Its other half would stay open.
        stream.destroy();
      }
    },
    async write(bytes) {
      if (stream.writableEnded || stream.destroyed || stream.write(bytes)) return;
      await new Promise<void>((resolve) => {
        const go = () => {
          for (const event of ['drain', 'close']) stream.off(event, go);
          resolve();
        };
        for (const event of ['drain', 'close']) stream.once(event, go);
      });
    },
    endInput: () => void stream.end(),
    resize: (size) => resizeExec(exec, size),
    async exitCode() {
      for (let tries = 0; tries < exitCodeTries; tries += 1) {
        const { Running, ExitCode } = await callDocker('exec', queryDeadlineMs, (abortSignal) =>
          exec.inspect({ abortSignal }),
        );
        if (!Running) return ExitCode;
        await new Promise((resolve) => setTimeout(resolve, exitCodePauseMs));
      }
      return null;
    },
    close: () => void stream.destroy(),
  };
}

const resizeExec = async (exec: Docker.Exec, { columns, rows }: { columns: number; rows: number }): Promise<void> => {
  await callDocker('exec', queryDeadlineMs, () => exec.resize({ w: columns, h: rows }));
};

async function readStats({ containers, clock }: Deps, container: string): Promise<ContainerStats> {
  const handle = await containers.handleOf(container);
  if (!handle) throw notRunning(container);
  try {
    const stats = await callDocker('stats', queryDeadlineMs, () => handle.stats({ stream: false }));
    return toStats(stats, new Date(clock.nowMs()).toISOString());
  } catch (error) {
    if (hasStatus(error, 404, 409)) throw notRunning(container);
    throw asUnavailable('stats', error);
  }
}

/** As Docker's own client: of memory without what the kernel would give back at once. */
function toStats({ cpu_stats: now, precpu_stats: before, memory_stats: memory }: Docker.ContainerStats, at: string) {
  const usedNs = now.cpu_usage.total_usage - (before.cpu_usage?.total_usage ?? 0);
  const ofNs = now.system_cpu_usage - (before.system_cpu_usage ?? 0);
  const cpus = now.online_cpus || now.cpu_usage.percpu_usage?.length || 1;
  const { inactive_file: inactive = 0, total_inactive_file: totalInactive = inactive } = (memory.stats ??
    {}) as unknown as Record<string, number>;
  // Without a limit of its own it has that of its machine.
  const limit = memory.limit;
  return {
    at,
    cpuMillis: ofNs > 0 && usedNs > 0 ? Math.round((usedNs / ofNs) * cpus * 1000) : 0,
    memoryBytes: Math.max(0, Math.round((memory.usage ?? 0) - totalInactive)),
    memoryLimitBytes: Number.isSafeInteger(limit) && limit > 0 ? limit : null,
  };
}

const notRunning = (container: string) => new AppError('container_not_running', `${container} does not run there`);
