/** Follows services until each has become what was asked of it, cannot, or the time is over. */

import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../../clock.ts';
import { AppError, hasCode } from '../../errors.ts';
import { formatDuration } from '../../history/sentences/format-values.ts';
import type { ShownContainerRow } from '../../projections/rows/container-row.ts';
import type { ServiceRow } from '../../projections/rows/service-row.ts';
import type { ContainerStateBody, ServiceStateBody } from '../../projections/rows/state-bodies.ts';
import type { Api } from './api.ts';
import { judge, type Target } from './convergence.ts';

/** A service as it was last seen. */
export type Look = { target: Target; row: ServiceRow | null; containers: readonly ShownContainerRow[] };

export type Reached = {
  service: string;
  /** Why it did not become what was asked; null: it did. */
  reason: string | null;
  row: ServiceRow | null;
};

export type WatchOptions = {
  timeoutMs: number;
  signal: AbortSignal;
  onLook: (looks: readonly Look[]) => void;
};

/** Often enough for a line that lives, seldom enough for a manager with many callers. */
const pollMs = 300;
/** A manager that restarts, or another that takes its address. */
const unreachableMaxMs = 15_000;
/** Of more, a line each is read by no one. */
const replicasShownMax = 200;

type Watched = { target: Target; look: Look; status: string | null; statusSinceMs: number; end: Reached | null };

/**
 * In the order of the targets.
 * @throws AppError `api_unreachable` and the like, when no manager answers for 15 s · the signal's reason
 */
export async function watchServices(
  api: Pick<Api, 'get'>,
  targets: readonly Target[],
  { timeoutMs, signal, onLook }: WatchOptions,
): Promise<Reached[]> {
  const startedMs = systemClock.monotonicMs();
  const watched: Watched[] = targets.map((target) => ({
    ...{ target, status: null, statusSinceMs: startedMs, end: null },
    look: { target, row: null, containers: [] },
  }));
  for (let answeredMs = startedMs; ; ) {
    try {
      for (const one of watched) if (one.end === null) await lookAt(api, one);
      answeredMs = systemClock.monotonicMs();
    } catch (error) {
      if (signal.aborted || !isPassing(error) || systemClock.monotonicMs() - answeredMs > unreachableMaxMs) throw error;
    }
    onLook(watched.map(({ look }) => look));
    const isOver = systemClock.monotonicMs() - startedMs >= timeoutMs;
    if (isOver) for (const one of watched) one.end ??= outOfTime(one, timeoutMs);
    if (watched.every(({ end }) => end !== null)) return watched.map(({ end }) => end!);
    await pause(pollMs, undefined, { signal });
  }
}

const isPassing = (error: unknown) =>
  hasCode(error, 'api_unreachable') || (error instanceof AppError && isPassingStatus(error.details.status));
const isPassingStatus = (status: unknown) => status === 429 || (typeof status === 'number' && status >= 500);

async function lookAt(api: Pick<Api, 'get'>, one: Watched): Promise<void> {
  const { target } = one;
  const { position, services } = await api.get<ServiceStateBody>(`/service_state?service=${target.service}`);
  const row = services[0] ?? null;
  const containers = row !== null && row.replicas <= replicasShownMax ? await containersOf(api, target.service) : [];
  one.look = { target, row, containers };
  const nowMs = systemClock.monotonicMs();
  if (row?.status !== one.status) [one.status, one.statusSinceMs] = [row?.status ?? null, nowMs];
  const verdict = judge(target, row, { position, statusForMs: nowMs - one.statusSinceMs });
  if (verdict.kind === 'waiting') return;
  one.end = { service: target.service, reason: verdict.kind === 'failed' ? verdict.reason : null, row };
}

const containersOf = async (api: Pick<Api, 'get'>, service: string) =>
  (await api.get<ContainerStateBody>(`/container_state?service=${service}`)).containers;

function outOfTime({ target, look: { row } }: Watched, timeoutMs: number): Reached {
  const reason = `not within ${formatDuration(timeoutMs)}: ${row?.reason ?? 'nothing is known of it yet'}`;
  return { service: target.service, reason, row };
}
