/** How the facts about the runs of jobs change the view, and what the ends of their containers say about them. */

import type { LogEvent } from '../../events/schema/event.ts';
import type { ClusterView, ContainerView, JobView, RunView, ServiceView } from './cluster-view.ts';
import { causeOf, type Handlers, illegal } from './handlers.ts';
import { parseIsoTime } from './iso-time.ts';
import { endRuns, isOfRun, keepJob, runOf, runsKept } from './job-runs.ts';
import { noteConverged, setBlocked } from './services.ts';
import { dropSurplusSlot, setDelay } from './slots.ts';
import type { Touched } from './touched.ts';

export const jobHandlers = {
  JobDue(view, event, touched) {
    const { run: number, cause, generation, dueAt, firstSlot, completions, isReplacing } = event.data;
    const { service, job } = noteFact(view, event, touched);
    if (isReplacing) endRuns(job, event, 'replaced');
    if (cause === 'requested') job.requested = null;
    else job.ticksDecidedMs = parseIsoTime(dueAt);
    const run: RunView = {
      ...{ run: number, cause, generation, dueAt, beganAtMs: parseIsoTime(event.at), firstSlot, completions },
      ...{ succeeded: 0, state: 'running', failure: null, endedAt: null, due: causeOf(event), end: null },
    };
    job.runs.push(run);
    forgetRuns(job);
    beginSlots(view, service, run);
    dropEmptySlots(view, service);
    keepJob(view, service);
  },

  JobSkipped(view, event, touched) {
    const { job } = noteFact(view, event, touched);
    job.ticksDecidedMs = parseIsoTime(event.data.dueAt);
  },

  JobCompleted(view, event, touched) {
    const { service, run } = endRun(view, event, 'completed', touched);
    if (!service.converged.has(run.generation)) noteConverged(service, run.generation, event.at);
  },

  JobFailed(view, event, touched) {
    const { why, reason, container } = event.data;
    const { run } = endRun(view, event, 'failed', touched);
    run.failure = { why, reason, container };
  },
} satisfies Partial<Handlers>;

type JobFact = 'JobDue' | 'JobSkipped' | 'JobCompleted' | 'JobFailed';

function noteFact(view: ClusterView, event: LogEvent<JobFact>, touched: Touched) {
  const service = view.services.get(event.data.service) ?? illegal(event, 'the service is unknown');
  const job = service.job ?? illegal(event, `${service.name} is no job`);
  service.version = event.version;
  service.position = event.position;
  touched.services.add(service.name);
  return { service, job };
}

function endRun(
  view: ClusterView,
  event: LogEvent<'JobCompleted' | 'JobFailed'>,
  state: 'completed' | 'failed',
  touched: Touched,
): { service: ServiceView; run: RunView } {
  const { service, job } = noteFact(view, event, touched);
  const run = job.runs.find(({ run }) => run === event.data.run);
  if (run?.state !== 'running') illegal(event, `run ${event.data.run} does not go on`);
  Object.assign(run, { state, endedAt: event.at, end: causeOf(event) });
  setBlocked(view, service, null);
  dropEmptySlots(view, service);
  keepJob(view, service);
  return { service, run };
}

/** The oldest that is over; the planner begins no more at once than are kept. */
function forgetRuns({ runs }: JobView): void {
  const over = runs.length > runsKept ? runs.findIndex(({ state }) => state !== 'running') : -1;
  if (over >= 0) runs.splice(over, 1);
}

/** What happened in its slots before was of another run. */
function beginSlots(view: ClusterView, service: ServiceView, run: RunView): void {
  for (const slot of service.slots.values()) {
    if (!isOfRun(run, slot.slot)) continue;
    Object.assign(slot, {
      failures: 0,
      failedSpec: null,
      failedAtMs: [],
      lastFailure: null,
      lastEnded: null,
      done: null,
    });
    setDelay(view, service, slot, null);
  }
}

function dropEmptySlots(view: ClusterView, service: ServiceView): void {
  for (const slot of service.slots.values()) dropSurplusSlot(view, service, slot);
}

/** @returns false: it was of a run that is over, and says nothing about its slot */
export function noteDone(view: ClusterView, container: ContainerView): boolean {
  const service = view.services.get(container.service)!;
  if (!service.job) return true;
  const run = runOf(service, container);
  if (run) run.succeeded += 1;
  return run !== null;
}
