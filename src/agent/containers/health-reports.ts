/** Reports the health of one container when it changes, and takes one that is paused for unhealthy after the grace of its spec. */

import type { Clock } from '../../clock.ts';
import { type PausedGraceSeconds, pausedGraceSecondsDefault } from '../../model/health.ts';
import type { EngineHealth } from '../engine/engine.ts';
import type { Reporter } from '../reports/reporter.ts';

/** A container has one health; it is reported when it changes. */
export type HealthReports = { note(health: EngineHealth): void; forget(): void };

export function createHealthReports(
  { reporter }: { reporter: Pick<Reporter, 'report'> },
  { container }: { container: string },
): HealthReports {
  let reported: EngineHealth['status'] = 'unproven';
  return {
    note({ status, output }) {
      if (status === reported || status === 'unproven') return;
      reported = status;
      const causationId = null;
      reporter.report(
        container,
        status === 'healthy' ? { kind: 'healthy', causationId } : { kind: 'unhealthy', causationId, output },
      );
    },
    forget() {
      reported = 'unproven';
    },
  };
}

export type Pauses = {
  /** @returns `isPaused` */
  note(isPaused: boolean, graceSeconds?: PausedGraceSeconds): boolean;
  /** As of the last note: what its check says does not count. */
  isPaused(): boolean;
};

type PauseDeps = { health: HealthReports; clock: Pick<Clock, 'monotonicMs'>; lookAfter: (ms: number) => void };

export function createPauses({ health, clock, lookAfter }: PauseDeps): Pauses {
  let sinceMs: number | null = null;
  let isReported = false;
  return {
    isPaused: () => sinceMs !== null,
    note(isPaused, graceSeconds = pausedGraceSecondsDefault) {
      if (!isPaused) {
        if (isReported) health.note({ status: 'healthy', output: '' });
        sinceMs = null;
        isReported = false;
        return false;
      }
      sinceMs ??= clock.monotonicMs();
      if (graceSeconds === null) return true;
      const leftMs = graceSeconds * 1000 - (clock.monotonicMs() - sinceMs);
      if (leftMs > 0) {
        lookAfter(leftMs);
        return true;
      }
      isReported = true;
      health.note({ status: 'unhealthy', output: `it has been paused on its engine for ${graceSeconds} s` });
      return true;
    },
  };
}
