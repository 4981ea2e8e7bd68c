/** Asks a running container again and again whether it serves, and says when its health changes. Replaces nothing. */

import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '../../clock.ts';
import { hasCode } from '../../errors.ts';
import type { Probe } from '../../model/health.ts';
import type { EngineHealth, ProbeResult } from '../engine/engine.ts';

/** Before the first success it is asked this often, so that what starts quickly serves quickly. */
const eagerMs = 1_000;

export type HealthProber = {
  /** Makes one probe. @throws AppError `engine_unavailable`: nothing is known of the container */
  probe(signal: AbortSignal): Promise<ProbeResult>;
  /** It cannot answer, and that says nothing. */
  isPaused(): boolean;
  /** Called with each change, first from `unproven`. */
  onChange(health: EngineHealth): void;
};

/**
 * Until the signal aborts. Unhealthy is what did not answer well for `retries` intervals after its start period, or
 * `retries` times in a row after it was healthy.
 */
export async function probeHealth(
  { probe, isPaused, onChange }: HealthProber,
  { intervalSeconds, retries, startPeriodSeconds }: Probe,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<void> {
  const intervalMs = intervalSeconds * 1000;
  const startedAtMs = clock.monotonicMs();
  const patienceMs = startPeriodSeconds * 1000 + retries * intervalMs;
  let known: EngineHealth['status'] = 'unproven';
  let failures = 0;

  while (!signal.aborted) {
    await pause(known === 'unproven' ? Math.min(eagerMs, intervalMs) : intervalMs, undefined, { signal });
    const { isHealthy, output } = await probe(signal).catch(unknownWhileAway);
    if (signal.aborted || isHealthy === null || isPaused()) continue;
    failures = isHealthy ? 0 : failures + 1;
    const isPatient: boolean =
      known === 'unproven' ? clock.monotonicMs() - startedAtMs < patienceMs : failures < retries;
    const status: EngineHealth['status'] = isHealthy ? 'healthy' : isPatient ? known : 'unhealthy';
    if (status !== known) onChange({ status, output });
    known = status;
  }
}

function unknownWhileAway(error: unknown): { isHealthy: null; output: string } {
  if (!hasCode(error, 'engine_unavailable')) throw error;
  return { isHealthy: null, output: '' };
}
