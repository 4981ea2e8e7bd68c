/** What the runs of a job are: which of them go on, and which containers and slots are theirs. */

import type { LogEvent } from '../../events/schema/event.ts';
import { modeOf } from '../../model/policy.ts';
import type { ContainerView, JobView, RunView, ServiceView } from './cluster-view.ts';
import { causeOf } from './handlers.ts';

export const runningRuns = ({ runs }: JobView): RunView[] => runs.filter(({ state }) => state === 'running');

export const isOfRun = ({ firstSlot, completions }: RunView, slot: number): boolean =>
  slot >= firstSlot && slot < firstSlot + completions;

/** The run that goes on in its slot, if the container was placed for it; null: it is of an earlier one. Pure. */
export function runOf({ job }: ServiceView, { slot, queuedPosition }: ContainerView): RunView | null {
  const run = job?.runs.find((run) => run.state === 'running' && isOfRun(run, slot));
  return run && run.due.position < queuedPosition ? run : null;
}

/** Every accepted change of a job is a request to run it. */
export function requestRun(service: ServiceView, event: LogEvent<'ServiceRequested'>): void {
  if (modeOf(service.policy) !== 'job') return;
  service.job ??= { requested: null, runs: [] };
  service.job.requested = causeOf(event);
}

/** All that go on. */
export function endRuns(job: JobView, event: LogEvent, state: 'replaced'): void {
  job.requested = null;
  for (const run of runningRuns(job)) Object.assign(run, { state, endedAt: event.at, end: causeOf(event) });
}
