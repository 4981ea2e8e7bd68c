/** Reports the health of one container when it changes, and takes one that is paused for unhealthy after a grace. */

import type { Clock } from '../../clock.ts';
import type { EngineHealth } from '../engine/engine.ts';
import type { Reporter } from '../reports/reporter.ts';

/** Longer than a backup that pauses a container to copy its files needs. */
const pauseGraceMs = 10_000;

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
  /** @returns it is paused: what its check says does not count */
  note(isPaused: boolean): boolean;
};

type PauseDeps = { health: HealthReports; clock: Pick<Clock, 'monotonicMs'>; lookAfter: (ms: number) => void };

export function createPauses({ health, clock, lookAfter }: PauseDeps): Pauses {
  let sinceMs: number | null = null;
  let isReported = false;
  return {
    note(isPaused) {
      if (!isPaused) {
        if (isReported) health.note({ status: 'healthy', output: '' });
        sinceMs = null;
        isReported = false;
        return false;
      }
      sinceMs ??= clock.monotonicMs();
      const leftMs = pauseGraceMs - (clock.monotonicMs() - sinceMs);
      if (leftMs > 0) {
        lookAfter(leftMs);
        return true;
      }
      isReported = true;
      const output = `it has been paused on its engine for ${pauseGraceMs / 1000} s`;
      health.note({ status: 'unhealthy', output });
      return true;
    },
  };
}
