/**
 * Owns the container engine as Docker: each operation of the port as calls of its API, each with a deadline. Touches
 * only containers whose labels name its own cluster and node. Decides nothing.
 */

import { Agent } from 'node:http';
import { inspect as inspectForPeople } from 'node:util';
import Docker from 'dockerode';
import type { Clock } from '../../clock.ts';
import { AppError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import { dockerContainerName } from '../../model/naming.ts';
import type { Engine, EngineContainer, EngineScope, RunRequest } from '../engine/engine.ts';
import { boundTail, joinFrames } from '../engine/log-tail.ts';
import { cleanText } from '../engine/report-text.ts';
import { failBrokenAnswers } from './docker-answers.ts';
import { asTrouble, callDocker, changeDeadlineMs, dockerMessage, hasStatus, queryDeadlineMs } from './docker-call.ts';
import { followEvents } from './docker-events.ts';
import { hasImage, pullImage } from './docker-pull.ts';
import {
  isOfScope,
  knownPorts,
  readIdentity,
  readInspection,
  readState,
  scopeLabels,
  toCreateOptions,
} from './docker-spec.ts';

export type DockerEngineDeps = { clock: Clock; logger: Logger };

export type DockerEngineOptions = {
  scope: EngineScope;
  /** Path of a unix socket, or `tcp://host:port` of an engine without TLS on a network of its own. */
  address: string;
};

/** An engine that does not say it is alive within this is not. */
const pingDeadlineMs = 5_000;
/** Over the stop time: sending the signals, waiting for the end, taking down the network. */
const stopMarginMs = 20_000;
/** Of what an engine calls itself and its version. */
const nameCharactersMax = 128;
/** Inspections at once while listing. */
const inspectionsMax = 8;

export function createDockerEngine({ clock, logger }: DockerEngineDeps, options: DockerEngineOptions): Engine {
  const { scope } = options;
  const agent = createSocketPool();
  const stopNoticing = failBrokenAnswers(agent);
  const docker = connect(options.address, agent);
  const ask = docker as unknown as AbortableQueries;
  const closing = new AbortController();
  /** What Docker said last of each container of ours; its id is what later calls name, so a foreign container is never touched. */
  const known = new Map<string, EngineContainer>();
  /** Created here and not started yet: what a start needs no inspection for. */
  const requests = new Map<string, RunRequest>();

  const handleOf = async (container: string) => {
    const id = known.get(container)?.engineContainerId ?? (await inspect(container))?.engineContainerId;
    return id === undefined ? null : docker.getContainer(id);
  };

  const forget = (container: string) => {
    known.delete(container);
    requests.delete(container);
  };

  const inspect = async (container: string): Promise<EngineContainer | null> => {
    const address = known.get(container)?.engineContainerId ?? dockerContainerName(scope.clusterId, container);
    const found = await inspectAt(address);
    if (found) known.set(container, found);
    else forget(container);
    return found;
  };

  const inspectAt = async (address: string): Promise<EngineContainer | null> => {
    try {
      const inspection = await callDocker('inspect', queryDeadlineMs, (abortSignal) =>
        docker.getContainer(address).inspect({ abortSignal }),
      );
      return isOfScope(inspection.Config.Labels, scope) ? readInspection(inspection) : null;
    } catch (error) {
      if (hasStatus(error, 404)) return null;
      throw asTrouble('inspect', error);
    }
  };

  /** Running containers of ours do not change until they end: Docker is asked about the others and the new ones. */
  const list = async (): Promise<EngineContainer[]> => {
    const rows = await callDocker('list', queryDeadlineMs, (abortSignal) =>
      docker.listContainers({ all: true, filters: { label: scopeLabels(scope) }, abortSignal }),
    ).catch((error: unknown) => {
      throw asTrouble('list', error);
    });
    const ours = rows.flatMap((row) => {
      const container = isOfScope(row.Labels, scope) ? readIdentity(row.Labels)?.container : undefined;
      return container && readState(row.State) ? [{ container, id: row.Id, state: readState(row.State) }] : [];
    });
    const found: (EngineContainer | null)[] = [];
    for (let start = 0; start < ours.length; start += inspectionsMax) {
      const some = ours.slice(start, start + inspectionsMax).map(async ({ container, id, state }) => {
        const last = known.get(container);
        const isAsKnown = last?.engineContainerId === id && state === 'running' && last.state === 'running';
        return isAsKnown ? last : inspectAt(id);
      });
      found.push(...(await Promise.all(some)));
    }
    const present = found.filter((item) => item !== null);
    const names = new Set(present.map(({ container }) => container));
    for (const container of known.keys()) if (!names.has(container) && !requests.has(container)) forget(container);
    for (const item of present) known.set(item.container, item);
    return present.sort((a, b) => (a.container < b.container ? -1 : 1));
  };

  const adopt = async (request: RunRequest): Promise<EngineContainer> => {
    const found = await inspectAt(dockerContainerName(scope.clusterId, request.container));
    if (found?.container !== request.container || found.specHash !== request.specHash) {
      const whose = found ? 'of ours with another specification' : 'that is not ours';
      throw new AppError('container_name_taken', `the engine has a container ${whose} under this name`);
    }
    known.set(found.container, found);
    return found;
  };

  const create = async (request: RunRequest): Promise<EngineContainer> => {
    try {
      const handle = await callDocker('create', changeDeadlineMs, (abortSignal) =>
        docker.createContainer({ ...toCreateOptions(request, scope), abortSignal } as Docker.ContainerCreateOptions),
      );
      const { container, service, slot, generation, specHash } = request;
      const created: EngineContainer = {
        ...{ container, service, slot, generation, specHash },
        ...{ engineContainerId: handle.id, state: 'created', exitCode: null, oomKilled: false },
        ...{ startedAt: null, error: '', ports: [] },
      };
      known.set(container, created);
      requests.set(container, request);
      return created;
    } catch (error) {
      if (hasStatus(error, 409)) return adopt(request);
      if (hasStatus(error, 404)) throw new AppError('image_missing', dockerMessage(error), { cause: error });
      if (error instanceof AppError) throw error;
      throw new AppError('container_create_failed', dockerMessage(error), { cause: error });
    }
  };

  const start = async (container: string): Promise<EngineContainer> => {
    const handle = await handleOf(container);
    if (!handle) throw new AppError('container_start_failed', 'the engine has no such container');
    try {
      await callDocker('start', changeDeadlineMs, (abortSignal) => handle.start({ abortSignal }));
    } catch (error) {
      if (error instanceof AppError) throw error;
      if (!hasStatus(error, 304)) throw new AppError('container_start_failed', dockerMessage(error), { cause: error });
      requests.delete(container);
    }
    const request = requests.get(container);
    requests.delete(container);
    const created = known.get(container);
    const ports = request && knownPorts(request);
    if (created && ports) {
      const started: EngineContainer = { ...created, state: 'running', startedAt: isoNow(clock), ports };
      known.set(container, started);
      return started;
    }
    const found = await inspect(container);
    if (!found) throw new AppError('container_start_failed', 'the container was removed while it started');
    return found;
  };

  const stop = async (container: string, timeoutSeconds: number): Promise<void> => {
    const handle = await handleOf(container);
    if (!handle) return;
    try {
      const deadlineMs = timeoutSeconds * 1000 + stopMarginMs;
      await callDocker('stop', deadlineMs, (abortSignal) => handle.stop({ t: timeoutSeconds, abortSignal }));
    } catch (error) {
      if (!hasStatus(error, 304, 404)) throw asTrouble('stop', error);
    }
  };

  const remove = async (container: string): Promise<void> => {
    const handle = await handleOf(container);
    if (!handle) return;
    try {
      await callDocker('remove', changeDeadlineMs, (abortSignal) =>
        handle.remove({ force: true, v: true, abortSignal }),
      );
    } catch (error) {
      // 409: somebody's removal of it is under way.
      if (!hasStatus(error, 404, 409)) throw asTrouble('remove', error);
    }
    forget(container);
  };

  const logTail = async (container: string, lines: number): Promise<string[]> => {
    const handle = await handleOf(container);
    if (!handle) return [];
    try {
      const wanted = { follow: false, stdout: true, stderr: true, tail: lines } as const;
      const raw = await callDocker('logs', queryDeadlineMs, (abortSignal) => handle.logs({ ...wanted, abortSignal }));
      return boundTail(joinFrames(toBuffer(raw)), lines);
    } catch (error) {
      if (hasStatus(error, 404, 409)) return [];
      throw asTrouble('logs', error);
    }
  };

  return {
    async ping() {
      await callDocker('ping', pingDeadlineMs, (abortSignal) => ask.ping({ abortSignal })).catch((error: unknown) => {
        throw asTrouble('ping', error);
      });
    },
    async describe(signal) {
      const info = await callDocker('info', queryDeadlineMs, (deadline) =>
        ask.info({ abortSignal: signal ? AbortSignal.any([signal, deadline]) : deadline }),
      ).catch((error: unknown) => {
        throw asTrouble('info', error);
      });
      const { ID, ServerVersion, MemTotal, NCPU } = info as Record<string, unknown>;
      return {
        kind: 'docker',
        engineId: cleanText(String(ID), nameCharactersMax),
        version: cleanText(String(ServerVersion), nameCharactersMax),
        memoryBytes: Number(MemTotal),
        cpuMillis: Number(NCPU) * 1000,
      };
    },
    list,
    inspect,
    hasImage: (image) => hasImage(docker, image),
    pull: (image, onProgress, signal) => pullImage(docker, image, onProgress, signal),
    create,
    start,
    stop,
    remove,
    logTail,
    watch(onHint, signal) {
      void followEvents({ docker, scope, clock, logger }, onHint, AbortSignal.any([signal, closing.signal]));
    },
    async close() {
      closing.abort();
      stopNoticing();
      agent.destroy();
    },
  };
}

/** These two take a signal like every other call; their published types leave it out. */
type AbortableQueries = Record<'ping' | 'info', (options: { abortSignal: AbortSignal }) => Promise<unknown>>;

/**
 * Connections are kept: a new one for each call costs more than the call. The client puts each whole request into words
 * for its debug log, whether somebody reads them or not; with every socket of the pool in them that took longer than
 * everything else in this process.
 */
function createSocketPool(): Agent {
  return Object.assign(new Agent({ keepAlive: true }), { [inspectForPeople.custom]: () => 'the pool of connections' });
}

/** Every member is given: the client would fill the gaps from DOCKER_HOST and its kin. */
function connect(address: string, agent: Agent): Docker {
  const none = {
    host: undefined,
    port: undefined,
    socketPath: undefined,
    ca: undefined,
    cert: undefined,
    key: undefined,
  };
  const common = { ...none, protocol: 'http', agent, timeout: undefined };
  if (address.startsWith('tcp://') || address.startsWith('http://')) {
    const { hostname, port } = new URL(address);
    return new Docker({ ...common, host: hostname, port: port || 2375 } as unknown as Docker.DockerOptions);
  }
  const socketPath = address.replace(/^unix:\/\//, '');
  return new Docker({ ...common, socketPath } as unknown as Docker.DockerOptions);
}

const isoNow = (clock: Clock) => new Date(clock.nowMs()).toISOString();

/** The client parses what looks like JSON and hands over an empty answer as it is. */
const toBuffer = (raw: unknown) => (Buffer.isBuffer(raw) ? raw : Buffer.alloc(0));
