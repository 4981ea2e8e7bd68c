/**
 * From a spec to a running container: a permit, secrets, create, start. Pulls only what the engine does not have, without
 * holding a permit, since a registry may take minutes. Reports nothing.
 */

import { setTimeout as pause } from 'node:timers/promises';
import { AppError, hasCode } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { FailureReason } from '../../model/container.ts';
import type { HostAccess } from '../../model/host-access.ts';
import type { Engine, EngineContainer, PullProgress, RunRequest } from '../engine/engine.ts';
import { retryWhileEngineUnavailable } from '../engine/retry-while-unavailable.ts';
import { resolveHostMounts } from './host-mounts.ts';
import { createImageSource, type ImageSourceDeps, type SessionLogin } from './image-source.ts';
import { maskErrors } from './mask-errors.ts';
import { createSecretMask } from './secret-mask.ts';
import { resolveEnvironment, secretsIn } from './secrets.ts';
import type { StartLimiter } from './start-limiter.ts';

export type Run = Omit<RunRequest, 'env' | 'image'> & {
  /** What all nodes run; null: no node has said so yet; undefined: the image is taken as it is named. */
  digest?: string | null | undefined;
  /** At the registry of its image. */
  login: SessionLogin | null;
  /** Of its slot in a row before it. */
  failures?: number | undefined;
};

export type StartOptions = {
  signal: AbortSignal;
  cancelled: AbortSignal;
  onProgress: (progress: PullProgress) => void;
  /** eventId of the fact behind the start. */
  causationId: string | null;
};

export type StartDeps = Omit<ImageSourceDeps, 'engine'> & {
  engine: Engine;
  parallelStarts: StartLimiter;
  secretsDir: string | null;
  hostAccess: HostAccess;
  /** Not now where the node may be lost by now, and the container replaced elsewhere: it waits as for the engine. */
  mayStart: (run: Run) => boolean;
};

/** A permit that met an engine that is away is kept this long: thousands may wait, and each would ask it next. */
const awayPauseMs = 500;

/**
 * Never starts what has run already: after an outage the engine is asked first, by a create that finds its own.
 * @param signal ends its waiting for a permit, a registry or an engine that is away
 * @param cancelled it must not start any more; what was created stays for the caller to remove
 * @returns running, or exited when it ran and ended while the engine was away
 * @throws AppError of a code of `failureReasonOf`, or a signal's reason
 */
export async function startContainer(
  deps: StartDeps,
  run: Run,
  { signal, cancelled, onProgress, causationId }: StartOptions,
): Promise<EngineContainer> {
  const { engine, parallelStarts, secretsDir, hostAccess, mayStart } = deps;
  const source = createImageSource(deps, { ...run, causationId }, { signal, onProgress });
  const createAndStart = async (image: string) => {
    if (!mayStart(run)) throw new AppError('engine_unavailable', 'the node may be lost by now', { retryable: true });
    const giveBack = await parallelStarts.acquire(signal);
    try {
      const spec = await resolveHostMounts(run.spec, hostAccess);
      const env = await resolveEnvironment(spec.env, secretsDir);
      cancelled.throwIfAborted();
      return await maskErrors(createSecretMask(secretsIn(spec.env, env)), async () => {
        const created = await engine.create({ ...requestOf(run), spec, image, env });
        // Asked here for the last time; an agent that closes still starts what it has created.
        cancelled.throwIfAborted();
        return created.state === 'created' ? engine.start(run.container) : created;
      });
    } catch (error) {
      if (hasCode(error, 'engine_unavailable')) await pause(awayPauseMs, undefined, { signal }).catch(() => {});
      throw error;
    } finally {
      giveBack();
    }
  };
  const pullIfMissing = async () => {
    const image = await source.reference();
    try {
      return await createAndStart(image);
    } catch (error) {
      if (!hasCode(error, 'image_missing')) throw error;
    }
    await source.pull(image);
    return createAndStart(image);
  };
  return retryWhileEngineUnavailable(pullIfMissing, signal);
}

/** What an engine needs of it. */
const requestOf = ({ digest: _, login: __, failures: ___, ...request }: Run) => request;

const failureReasons: Readonly<Record<string, FailureReason>> = {
  image_pull_failed: 'image',
  image_missing: 'image',
  image_unresolved: 'image',
  container_create_failed: 'start error',
  container_start_failed: 'start error',
  container_name_taken: 'start error',
  secret_unreadable: 'start error',
  host_access_refused: 'start error',
};

/** Why it did not start, for the log. An unexpected error is a defect of ours and is logged as one. */
export function failureReasonOf(error: unknown, logger: Logger): FailureReason {
  const reason = error instanceof AppError ? failureReasons[error.code] : undefined;
  if (!reason) logger.error({ err: error }, 'a start failed with an unexpected error');
  return reason ?? 'start error';
}
