/** The status of a job, and its runs as operators see them. Pure. */

import type { RunCause } from '../../events/schema/job-facts.ts';
import { nextTickMs } from '../../model/schedule.ts';
import type { JobView, RunView, ServiceView } from '../view/cluster-view.ts';
import { isOfRun, runningRuns } from '../view/job-runs.ts';
import type { SlotView } from '../view/slot-view.ts';

export type RunRow = {
  run: number;
  cause: RunCause;
  generation: number;
  /** When it was asked for, or its tick. */
  dueAt: string;
  beganAt: string;
  /** null while it goes on. */
  endedAt: string | null;
  outcome: RunView['state'];
  /** Containers that ended with 0, of `completions`. */
  succeeded: number;
  completions: number;
  /** Why it failed, in a sentence. */
  reason: string | null;
  /** The one that failed last, where that ended it. */
  container: string | null;
};

/** Newest first. */
export const runRows = ({ runs }: JobView): RunRow[] =>
  runs
    .toReversed()
    .map(({ run, cause, generation, dueAt, beganAtMs, endedAt, state, succeeded, completions, failure }) => ({
      ...{ run, cause, generation, dueAt, beganAt: new Date(beganAtMs).toISOString(), endedAt },
      ...{ outcome: state, succeeded, completions },
      ...{ reason: failure?.reason ?? null, container: failure?.container ?? null },
    }));

/** The next tick of its schedule. */
export function nextRunAt({ job, policy, removing }: ServiceView): string | null {
  if (!job || !policy.schedule || removing) return null;
  const nextMs = nextTickMs(policy.schedule, job.ticksDecidedMs);
  return nextMs === null ? null : new Date(nextMs).toISOString();
}

export type JobStatus = 'completed' | 'converged' | 'degraded' | 'progressing';

/** @param moving what its containers do just now, in words; '' when there are none */
export function judgeJob(
  service: ServiceView,
  job: JobView,
  moving: string,
): { status: JobStatus; reason: string | null } {
  const going = runningRuns(job);
  if (going.length > 0) return { status: 'progressing', reason: describeRuns(service, going, moving) };
  const last = job.runs.at(-1);
  if (job.requested) return { status: 'progressing', reason: `run ${(last?.run ?? 0) + 1} has not begun` };
  // Nothing has asked for a run yet.
  if (!last) return { status: 'converged', reason: null };
  if (last.failure) return { status: 'degraded', reason: `run ${last.run} failed: ${last.failure.reason}` };
  return { status: 'completed', reason: null };
}

function describeRuns(service: ServiceView, going: readonly RunView[], moving: string): string {
  const words = going.map(({ run, succeeded, completions }) => `run ${run}: ${succeeded} of ${completions} complete`);
  const failing = [...service.slots.values()].filter(
    ({ slot, lastFailure, done }) => lastFailure && !done && going.some((run) => isOfRun(run, slot)),
  );
  return [
    ...words,
    ...(moving === '' ? [] : [moving]),
    ...failing.slice(0, 1).map((slot) => describeSlot(service, slot)),
  ].join(', ');
}

function describeSlot({ name }: ServiceView, { slot, failures, lastFailure, delayedUntilMs }: SlotView): string {
  const times = failures === 1 ? 'once' : `${failures} times`;
  const next = delayedUntilMs === null ? '' : `; next attempt at ${new Date(delayedUntilMs).toISOString()}`;
  return `${name}.${slot} failed ${times}: ${lastFailure!.reason}: ${lastFailure!.message}${next}`;
}
