/**
 * The container engine as Docker: each operation of the port as calls of its API, each with a deadline. Touches only
 * containers whose labels name its own cluster and node. Decides nothing.
 */

import type Docker from 'dockerode';
import type { Clock } from '../../clock.ts';
import type { Logger } from '../../logger.ts';
import type { EngineDescription } from '../../model/node.ts';
import type { ClientTls } from '../../tls/client-tls.ts';
import type { Engine, EngineScope } from '../engine/engine.ts';
import { boundTail, joinFrames } from '../engine/log-tail.ts';
import { cleanText } from '../engine/report-text.ts';
import { asUnavailable, callDocker, hasStatus, queryDeadlineMs } from './docker-call.ts';
import { connectToDocker } from './docker-connection.ts';
import { createDockerContainers, type DockerContainers } from './docker-containers.ts';
import { followEvents } from './docker-events.ts';
import { createDockerLifecycle } from './docker-lifecycle.ts';
import { probeAddress } from './docker-probe.ts';
import { findImage, pullImage } from './docker-pull.ts';
import { createDockerStreams } from './docker-streams.ts';

export type DockerEngineDeps = { clock: Clock; logger: Logger };

export type DockerEngineOptions = {
  scope: EngineScope;
  /** Path of a unix socket, or `tcp://host:port`. */
  address: string;
  /** Of a TCP address; null: without TLS, for an engine on a network of its own. */
  tls?: ClientTls | null;
};

/** An engine that does not answer within this is away. */
const pingDeadlineMs = 3_000;
/** Of what an engine calls itself and its version. */
const nameCharactersMax = 128;

export function createDockerEngine({ clock, logger }: DockerEngineDeps, options: DockerEngineOptions): Engine {
  const { scope } = options;
  const { docker, close } = connectToDocker(options.address, options.tls ?? null);
  const containers = createDockerContainers(docker, scope);
  const closing = new AbortController();
  return {
    ...createDockerLifecycle({ docker, scope, containers, clock }),
    ...createDockerStreams({ docker, containers, clock }),
    list: containers.list,
    inspect: containers.inspect,
    ping: () => ping(docker),
    describe: (signal) => describe(docker, signal),
    findImage: (image) => findImage(docker, image),
    pull: (image, onProgress, signal, how) => pullImage(docker, image, { onProgress, signal, ...how }),
    environment: containers.environmentOf,
    async probe(container, probe, signal) {
      const address = await containers.addressOf(container);
      if (address === null) return { isHealthy: false, output: 'the container has no address' };
      return probeAddress(address, probe, signal);
    },
    logTail: (container, lines, mask) => readLogTail(containers, container, { lines, mask }),
    watch(onHint, signal) {
      void followEvents({ docker, scope, clock, logger }, onHint, AbortSignal.any([signal, closing.signal]));
    },
    async close() {
      closing.abort();
      close();
    },
  };
}

/** These two take a signal like every other call; their published types leave it out. */
type AbortableQueries = Record<'ping' | 'info', (options: { abortSignal: AbortSignal }) => Promise<unknown>>;

async function ping(docker: Docker): Promise<void> {
  const { ping: ask } = docker as unknown as AbortableQueries;
  await callDocker('ping', pingDeadlineMs, (abortSignal) => ask.call(docker, { abortSignal })).catch(
    (error: unknown) => {
      throw asUnavailable('ping', error);
    },
  );
}

async function describe(docker: Docker, signal: AbortSignal | undefined): Promise<EngineDescription> {
  const { info: ask } = docker as unknown as AbortableQueries;
  const info = await callDocker('info', queryDeadlineMs, (deadline) =>
    ask.call(docker, { abortSignal: signal ? AbortSignal.any([signal, deadline]) : deadline }),
  ).catch((error: unknown) => {
    throw asUnavailable('info', error);
  });
  const { ID, Name, ServerVersion, MemTotal, NCPU } = info as Record<string, unknown>;
  return {
    kind: 'docker',
    // A machine that was cloned has the id of the first; its name is its own.
    engineId: cleanText(`${ID}@${Name}`, nameCharactersMax),
    version: cleanText(String(ServerVersion), nameCharactersMax),
    memoryBytes: Number(MemTotal),
    cpuMillis: Number(NCPU) * 1000,
  };
}

type LogTailOptions = { lines: number; mask: (text: string) => string };

async function readLogTail(
  containers: DockerContainers,
  container: string,
  { lines, mask }: LogTailOptions,
): Promise<string[]> {
  const handle = await containers.handleOf(container);
  if (!handle) return [];
  try {
    const wanted = { follow: false, stdout: true, stderr: true, tail: lines } as const;
    const raw = await callDocker('logs', queryDeadlineMs, (abortSignal) => handle.logs({ ...wanted, abortSignal }));
    return boundTail(mask(joinFrames(toBuffer(raw))), lines);
  } catch (error) {
    // 501: the driver of its log keeps nothing.
    if (hasStatus(error, 404, 409, 501)) return [];
    throw asUnavailable('logs', error);
  }
}

/** The client parses what looks like JSON and hands over an empty answer as it is. */
const toBuffer = (raw: unknown) => (Buffer.isBuffer(raw) ? raw : Buffer.alloc(0));
