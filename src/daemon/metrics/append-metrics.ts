/** Measures appends to the log as their callers see them: how long each took and how it ended. */

import { Histogram, type Registry } from 'prom-client';
import type { Clock } from '../../clock.ts';
import { AppError } from '../../errors.ts';
import type { EventLog } from '../../events/log/event-log.ts';

/** `conflict`: another writer was faster and the caller decides again. `refused`: the same append can never succeed. */
const outcomes = ['appended', 'conflict', 'refused', 'unavailable'] as const;
type Outcome = (typeof outcomes)[number];

export type MeasuredAppend = { durationMs: number; outcome: Outcome };

/** From a local SQLite commit, under a millisecond, to the deadline of an append, ten seconds. */
const buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function createAppendMetrics(registers: Registry[]): (append: MeasuredAppend) => void {
  const durations = new Histogram({
    name: 'co_append_duration_seconds',
    help: `Time from an append of this manager to its end, by outcome (${outcomes.join(', ')}), since this process started.`,
    labelNames: ['outcome'],
    buckets,
    registers,
  });
  for (const outcome of outcomes) durations.zero({ outcome });
  return ({ durationMs, outcome }) => durations.observe({ outcome }, durationMs / 1_000);
}

/** The same log, with every append measured. */
export function measureAppends(
  log: EventLog,
  clock: Pick<Clock, 'monotonicMs'>,
  onAppend: (append: MeasuredAppend) => void,
): EventLog {
  return {
    ...log,
    async append(events, options) {
      const startedMs = clock.monotonicMs();
      const report = (outcome: Outcome) => onAppend({ durationMs: clock.monotonicMs() - startedMs, outcome });
      try {
        const result = await log.append(events, options);
        report('appended');
        return result;
      } catch (error) {
        report(outcomeOf(error));
        throw error;
      }
    },
  };
}

function outcomeOf(error: unknown): Outcome {
  if (!(error instanceof AppError)) return 'unavailable';
  if (error.code === 'expectation_failed' || error.code === 'term_superseded') return 'conflict';
  return error.retryable || error.code === 'log_closed' ? 'unavailable' : 'refused';
}
