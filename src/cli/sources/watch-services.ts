/**
 * Follows services until each has become what was asked of it, cannot, or the time is over. State is asked for when a fact
 * says that something happened; at times besides, and while no facts come.
 */

import { systemClock } from '../../clock.ts';
import { formatDuration } from '../../history/sentences/format-values.ts';
import type { ShownContainerRow } from '../../projections/rows/container-row.ts';
import type { ServiceRow } from '../../projections/rows/service-row.ts';
import type { ContainerStateBody, ServiceStateBody } from '../../projections/rows/state-bodies.ts';
import type { Api } from './api.ts';
import { judge, type Target } from './convergence.ts';
import { isPassing } from './follow-events.ts';
import { type FactFeed, followFacts, pollMs } from './follow-facts.ts';

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

/** A manager that restarts, or another that takes its address. */
const unreachableMaxMs = 15_000;
/** Of more, a line each is read by no one. */
const replicasShownMax = 200;

type Watched = {
  target: Target;
  look: Look;
  askedMs: number;
  /** Of the last answer; null: there was none yet, or the last call failed. */
  seenPosition: number | null;
  status: string | null;
  statusSinceMs: number;
  /** When its status, if it stays, is a failure. */
  stuckAtMs: number;
  end: Reached | null;
};

/**
 * In the order of the targets.
 * @throws AppError `api_unreachable` and the like, when no manager answers for 15 s · the signal's reason
 */
export async function watchServices(
  api: Pick<Api, 'get' | 'lines'>,
  targets: readonly Target[],
  { timeoutMs, signal, onLook }: WatchOptions,
): Promise<Reached[]> {
  const [first, ...others] = targets;
  if (first === undefined) return [];
  const startedMs = systemClock.monotonicMs();
  const watched = targets.map((target) => watchedOf(target, startedMs));
  const after = Math.max(...targets.map(({ position }) => position));
  // Of one service only its facts are sent.
  const about = others.length === 0 ? { service: first.service } : {};
  const feed = followFacts(api, { after, about, signal });
  try {
    await followToEnd(api, watched, feed, { endMs: startedMs + timeoutMs, signal, onLook });
    return watched.map((one) => one.end ?? outOfTime(one, timeoutMs));
  } finally {
    feed.close();
  }
}

const watchedOf = (target: Target, nowMs: number): Watched => ({
  ...{ target, look: { target, row: null, containers: [] }, askedMs: Number.NEGATIVE_INFINITY, seenPosition: null },
  ...{ status: null, statusSinceMs: nowMs, stuckAtMs: Number.POSITIVE_INFINITY, end: null },
});

/** Until all have ended, or the time has. */
async function followToEnd(
  api: Pick<Api, 'get'>,
  watched: readonly Watched[],
  feed: FactFeed,
  { endMs, signal, onLook }: Pick<WatchOptions, 'signal' | 'onLook'> & { endMs: number },
): Promise<void> {
  for (let failingSinceMs: number | null = null; ; ) {
    const nowMs = systemClock.monotonicMs();
    const due = watched.filter((one) => dueMs(one, feed) <= nowMs);
    for (const one of due) Object.assign(one, { askedMs: nowMs, seenPosition: null });
    try {
      for (const one of due) await lookAt(api, one);
      if (due.length > 0) failingSinceMs = null;
    } catch (error) {
      failingSinceMs ??= nowMs;
      const isLong = systemClock.monotonicMs() - failingSinceMs > unreachableMaxMs;
      if (signal.aborted || !isPassing(error) || isLong) throw error;
    }
    if (due.length > 0) onLook(watched.map(({ look }) => look));
    if (systemClock.monotonicMs() >= endMs || watched.every(({ end }) => end !== null)) return;
    await feed.waitUntil(Math.min(endMs, ...watched.map((one) => dueMs(one, feed))));
  }
}

/** When it has to be looked at next. */
function dueMs({ target, look, askedMs, seenPosition, stuckAtMs, end }: Watched, feed: FactFeed): number {
  if (end !== null) return Number.POSITIVE_INFINITY;
  if (seenPosition === null) return askedMs + pollMs;
  const isMoving = look.containers.some(({ state }) => state === 'starting');
  return Math.min(feed.dueMs({ askedMs, position: seenPosition, isMoving, service: target.service }), stuckAtMs);
}

async function lookAt(api: Pick<Api, 'get'>, one: Watched): Promise<void> {
  const { target } = one;
  const { position, services } = await api.get<ServiceStateBody>(`/service_state?service=${target.service}`);
  const row = services[0] ?? null;
  const containers = row !== null && row.replicas <= replicasShownMax ? await containersOf(api, target.service) : [];
  one.look = { target, row, containers };
  one.seenPosition = position;
  const nowMs = systemClock.monotonicMs();
  if (row?.status !== one.status) [one.status, one.statusSinceMs] = [row?.status ?? null, nowMs];
  const verdict = judge(target, row, { position, statusForMs: nowMs - one.statusSinceMs });
  if (verdict.kind === 'waiting') {
    one.stuckAtMs = one.statusSinceMs + (verdict.stuckAfterMs ?? Number.POSITIVE_INFINITY);
  } else {
    one.end = { service: target.service, reason: verdict.kind === 'failed' ? verdict.reason : null, row };
  }
}

const containersOf = async (api: Pick<Api, 'get'>, service: string) =>
  (await api.get<ContainerStateBody>(`/container_state?service=${service}`)).containers;

function outOfTime({ target, look: { row } }: Watched, timeoutMs: number): Reached {
  const reason = `not within ${formatDuration(timeoutMs)}: ${row?.reason ?? 'nothing is known of it yet'}`;
  return { service: target.service, reason, row };
}
