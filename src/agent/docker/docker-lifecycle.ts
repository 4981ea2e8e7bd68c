/** Creates, starts, stops and removes containers on Docker: one call, one outcome; "already so" is success. */

import type Docker from 'dockerode';
import type { Clock } from '../../clock.ts';
import { AppError } from '../../errors.ts';
import { digestOf } from '../../model/image.ts';
import type { Engine, EngineContainer, EngineHealth, EngineScope, RunRequest } from '../engine/engine.ts';
import { asUnavailable, callDocker, changeDeadlineMs, dockerMessage, hasStatus } from './docker-call.ts';
import type { DockerContainers } from './docker-containers.ts';
import { knownPorts, toCreateOptions } from './docker-spec.ts';

export type DockerLifecycle = Pick<Engine, 'create' | 'start' | 'stop' | 'remove'>;

export type LifecycleDeps = { docker: Docker; scope: EngineScope; containers: DockerContainers; clock: Clock };

/** Over the stop time: sending the signals, waiting for the end, taking down the network. */
const stopMarginMs = 20_000;

export function createDockerLifecycle(deps: LifecycleDeps): DockerLifecycle {
  const { docker, scope, containers, clock } = deps;
  const imageChecks = createImageChecks();
  return {
    async create(request) {
      try {
        const options = { ...toCreateOptions(request, scope) };
        const handle = await callDocker('create', changeDeadlineMs, (abortSignal) =>
          docker.createContainer({ ...options, abortSignal } as Docker.ContainerCreateOptions),
        );
        const created = createdContainer(request, handle.id);
        containers.rememberCreated(created, request);
        return created;
      } catch (error) {
        if (hasStatus(error, 409)) return adoptExisting(containers, request);
        if (hasStatus(error, 404)) throw new AppError('image_missing', dockerMessage(error), { cause: error });
        if (error instanceof AppError) throw error;
        throw new AppError('container_create_failed', dockerMessage(error), { cause: error });
      }
    },
    async start(container) {
      const handle = await containers.handleOf(container);
      if (!handle) throw startFailed('the engine has no such container');
      const isStartedNow = await startUnlessRunning(handle);
      const request = containers.takeRequest(container);
      const created = containers.lastKnown(container);
      const ports = isStartedNow && request ? knownPorts(request) : null;
      const health = request ? imageChecks.healthOf(request) : undefined;
      if (created && ports && health !== undefined) {
        const startedAt = new Date(clock.nowMs()).toISOString();
        const started: EngineContainer = { ...created, state: 'running', startedAt, ports, health };
        containers.remember(started);
        return started;
      }
      const found = await containers.inspect(container);
      if (!found) throw startFailed('the container was removed while it started');
      if (request && !request.spec.health) imageChecks.note(request.image, found.health !== null);
      return found;
    },
    async stop(container, timeoutSeconds) {
      const handle = await containers.handleOf(container);
      if (!handle) return;
      try {
        const deadlineMs = timeoutSeconds * 1000 + stopMarginMs;
        await callDocker('stop', deadlineMs, (abortSignal) => handle.stop({ t: timeoutSeconds, abortSignal }));
      } catch (error) {
        if (!hasStatus(error, 304, 404)) throw asUnavailable('stop', error);
      }
    },
    async remove(container) {
      const handle = await containers.handleOf(container);
      if (!handle) return;
      try {
        await callDocker('remove', changeDeadlineMs, (abortSignal) =>
          handle.remove({ force: true, v: true, abortSignal }),
        );
      } catch (error) {
        // 409: another removal of it is under way.
        if (!hasStatus(error, 404, 409)) throw asUnavailable('remove', error);
      }
      containers.forget(container);
    },
  };
}

/** Whether an image has a check of its own, learnt from the first container of it. A tag that moves is seen at its first event. */
const imagesKeptMax = 1_000;
function createImageChecks() {
  const checked = new Map<string, boolean>();
  return {
    note(image: string, isChecked: boolean) {
      if (checked.size >= imagesKeptMax) checked.clear();
      checked.set(image, isChecked);
    },
    /** As a container has it that has just started; undefined: only Docker knows. */
    healthOf({ image, spec: { health } }: RunRequest): EngineHealth | null | undefined {
      const isChecked = health ? health.kind === 'command' : checked.get(image);
      return isChecked === undefined ? undefined : isChecked ? { status: 'unproven', output: '' } : null;
    },
  };
}

/** @returns false when it was running already: then only Docker knows since when, and with which ports */
async function startUnlessRunning(handle: Docker.Container): Promise<boolean> {
  try {
    await callDocker('start', changeDeadlineMs, (abortSignal) => handle.start({ abortSignal }));
    return true;
  } catch (error) {
    if (error instanceof AppError) throw error;
    if (!hasStatus(error, 304)) throw startFailed(dockerMessage(error), error);
    return false;
  }
}

/** The name is taken: by the same container, created by a call whose answer was lost, or by another. */
async function adoptExisting(containers: DockerContainers, request: RunRequest): Promise<EngineContainer> {
  const found = await containers.inspectByName(request.container);
  if (found?.container !== request.container || found.specHash !== request.specHash) {
    const whose = found ? 'of ours with another specification' : 'that is not ours';
    throw new AppError('container_name_taken', `the engine has a container ${whose} under this name`);
  }
  containers.remember(found);
  return found;
}

function createdContainer(request: RunRequest, engineContainerId: string): EngineContainer {
  const { container, service, slot, generation, specHash, replaces = null } = request;
  return {
    ...{ container, service, slot, generation, specHash, replaces, engineContainerId },
    ...{
      state: 'created',
      exitCode: null,
      oomKilled: false,
      startedAt: null,
      error: '',
      ports: [],
      isPaused: false,
      imageDigest: digestOf(request.image),
      health: null,
    },
  };
}

const startFailed = (message: string, cause?: unknown) => new AppError('container_start_failed', message, { cause });
