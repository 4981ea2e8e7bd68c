/**
 * From a spec to a running container: a permit, secrets, create, start. Pulls only what the engine does not have, without
 * holding a permit, since a registry may take minutes. Reports nothing.
 */

import { setTimeout as pause } from 'node:timers/promises';
import { AppError, errorMessage, hasCode } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { FailureReason } from '../../model/container.ts';
import type { HostAccess } from '../../model/host-access.ts';
import type { Engine, EngineContainer, PullProgress, RunRequest } from '../engine/engine.ts';
import { retryWhileEngineUnavailable } from '../engine/retry-while-unavailable.ts';
import { resolveHostMounts } from './host-mounts.ts';
import { createSecretMask, type Mask } from './secret-mask.ts';
import { resolveEnvironment, secretsIn } from './secrets.ts';
import type { StartLimiter } from './start-limiter.ts';

export type Run = Omit<RunRequest, 'env'>;

export type StartOptions = {
  signal: AbortSignal;
  cancelled: AbortSignal;
  onProgress: (progress: PullProgress) => void;
};

export type StartDeps = {
  engine: Engine;
  parallelStarts: StartLimiter;
  secretsDir: string | null;
  hostAccess: HostAccess;
  /** A node without one may be lost by now, and the container replaced elsewhere: it waits as for the engine. */
  hasSession: () => boolean;
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
  { engine, parallelStarts, secretsDir, hostAccess, hasSession }: StartDeps,
  run: Run,
  { signal, cancelled, onProgress }: StartOptions,
): Promise<EngineContainer> {
  const createAndStart = async () => {
    if (!hasSession()) throw new AppError('engine_unavailable', 'the node gave its session up', { retryable: true });
    const giveBack = await parallelStarts.acquire(signal);
    try {
      const spec = await resolveHostMounts(run.spec, hostAccess);
      const env = await resolveEnvironment(spec.env, secretsDir);
      cancelled.throwIfAborted();
      return await maskErrors(createSecretMask(secretsIn(spec.env, env)), async () => {
        const created = await engine.create({ ...run, spec, env });
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
    try {
      return await createAndStart();
    } catch (error) {
      if (!hasCode(error, 'image_missing')) throw error;
    }
    await engine.pull(run.spec.image, onProgress, signal);
    return createAndStart();
  };
  return retryWhileEngineUnavailable(pullIfMissing, signal);
}

/** An engine may quote what it was given. */
async function maskErrors<T>(mask: Mask, task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (error) {
    const message = mask(errorMessage(error));
    if (message === errorMessage(error)) throw error;
    if (!(error instanceof AppError)) throw new Error(message);
    throw new AppError(error.code, message, { retryable: error.retryable });
  }
}

const failureReasons: Readonly<Record<string, FailureReason>> = {
  image_pull_failed: 'image',
  image_missing: 'image',
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
