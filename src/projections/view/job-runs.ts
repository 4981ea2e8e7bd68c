/** What the runs of a job are: which of them go on, and which containers and slots are theirs. */

import type { LogEvent } from '../../events/schema/event.ts';
import { modeOf, type ServicePolicy } from '../../model/policy.ts';
import type { Schedule } from '../../model/schedule.ts';
import type { ClusterView, ContainerView, JobView, RunView, ServiceView } from './cluster-view.ts';
import { causeOf } from './handlers.ts';
import { parseIsoTime } from './iso-time.ts';

/** Of a job, those that go on included. */
export const runsKept = 10;

export const runningRuns = ({ runs }: JobView): RunView[] => runs.filter(({ state }) => state === 'running');

export const isOfRun = ({ firstSlot, completions }: RunView, slot: number): boolean =>
  slot >= firstSlot && slot < firstSlot + completions;

/** The run that goes on in its slot, if the container was placed for it; null: it is of an earlier one. Pure. */
export function runOf({ job }: ServiceView, { slot, queuedPosition }: ContainerView): RunView | null {
  const run = job?.runs.find((run) => run.state === 'running' && isOfRun(run, slot));
  return run && run.due.position < queuedPosition ? run : null;
}

/** What a service was before it was requested. */
type Before = { policy: ServicePolicy; restarts: number; removing: boolean };

/** Every accepted change of a job is a request to run it; of one with a schedule only a restart is. */
export function requestRun(
  view: ClusterView,
  service: ServiceView,
  event: LogEvent<'ServiceRequested'>,
  before: Before,
): void {
  const { schedule } = service.policy;
  if (modeOf(service.policy) !== 'job') return;
  const isNewSchedule = service.job === null || before.removing || !isSameTimes(schedule, before.policy.schedule);
  service.job ??= { requested: null, runs: [], ticksDecidedMs: 0 };
  if (isNewSchedule) service.job.ticksDecidedMs = parseIsoTime(event.at);
  const { container, rollbackTo } = event.data;
  const isRestart = rollbackTo === undefined && container.restarts === before.restarts + 1;
  if (!schedule || isRestart) service.job.requested = causeOf(event);
  keepJob(view, service);
}

const isSameTimes = (a: Schedule | undefined, b: Schedule | undefined): boolean =>
  a?.cron === b?.cron && a?.timeZone === b?.timeZone;

/** Keeps the index of jobs that are looked at by time. */
export function keepJob(view: ClusterView, { name, job, policy, removing }: ServiceView): void {
  if (job && !removing && (policy.schedule || runningRuns(job).length > 0)) view.jobs.add(name);
  else view.jobs.delete(name);
}

/** All that go on. */
export function endRuns(job: JobView, event: LogEvent, state: 'replaced'): void {
  job.requested = null;
  for (const run of runningRuns(job)) Object.assign(run, { state, endedAt: event.at, end: causeOf(event) });
}
