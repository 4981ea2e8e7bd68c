/** Decides when a run of a job begins, and when one is complete or has failed. Pure. */

import type { EventData, EventType } from '../../events/schema/catalog.ts';
import { type NewEvent, streams } from '../../events/schema/event.ts';
import type { JobFailureReason, JobSkipReason } from '../../events/schema/job-facts.ts';
import { type JobPolicy, jobPolicyDefault } from '../../model/job.ts';
import { findTicks, nextTickMs } from '../../model/schedule.ts';
import type { Cause } from '../../projections/view/cause.ts';
import type { ClusterView, JobView, RunView, ServiceView } from '../../projections/view/cluster-view.ts';
import { isOfRun, runningRuns, runsKept } from '../../projections/view/job-runs.ts';
import type { SlotView } from '../../projections/view/slot-view.ts';
import type { PlanRound } from './plan-round.ts';
import { expectService } from './service-steps.ts';
import { controllerActor, metaOf, type PlannedType, type Step } from './step.ts';

const reasonCharactersMax = 2_048;
/** A tick so long ago was missed: an election, and the start of a manager, take less. */
const lateMaxMs = 30_000;
const ticksCountedMax = 100;

export function planRuns(view: ClusterView, service: ServiceView, job: JobView, round: PlanRound): Step[] {
  const { nowMs, ignoresSchedules = false } = round;
  const begin = job.requested
    ? [beginRequested(service, job, job.requested)]
    : ignoresSchedules
      ? []
      : planTicks(service, job, nowMs);
  return begin.length > 0 ? begin : runningRuns(job).flatMap((run) => endRun(view, service, run, nowMs));
}

/** When the planner has to look at the runs that go on though nothing happened, in any order; also times that have passed. Pure. */
export function runDeadlines({ job, policy }: ServiceView): number[] {
  const { timeoutSeconds } = policy.job ?? jobPolicyDefault;
  if (!job || timeoutSeconds === null) return [];
  return runningRuns(job).map(({ beganAtMs }) => beganAtMs + timeoutSeconds * 1000);
}

/** The next tick; none without a schedule. Pure. */
export function tickDeadlines({ job, policy }: ServiceView): number[] {
  const tickMs = job && policy.schedule ? nextTickMs(policy.schedule, job.ticksDecidedMs) : null;
  return tickMs === null ? [] : [tickMs];
}

/** Who asks for a run does not want the one before any more. */
function beginRequested(service: ServiceView, job: JobView, requested: Cause): Step {
  const asked = { cause: 'requested', dueAt: service.updatedAt, passed: 0, isReplacing: true } as const;
  return beginRun(service, job, asked, requested);
}

/** Ticks that have passed: a run begins for the last of them, or it is said why none does. */
function planTicks(service: ServiceView, job: JobView, nowMs: number): Step[] {
  const { schedule } = service.policy;
  const span = { afterMs: job.ticksDecidedMs, untilMs: nowMs };
  const ticks = schedule ? findTicks(schedule, span, ticksCountedMax) : null;
  if (!schedule || !ticks) return [];
  const dueAt = new Date(ticks.lastMs).toISOString();
  const going = runningRuns(job);
  const skip = (why: JobSkipReason) => {
    const data = { service: service.name, dueAt, ticks: ticks.count, why, run: going.at(-1)?.run ?? null };
    return [step(service, 'JobSkipped', data, null)];
  };
  const isMissed = nowMs - ticks.lastMs > lateMaxMs;
  if (isMissed && schedule.missed === 'skip') return skip('missed');
  if (going.length >= runsKept || (going.length > 0 && schedule.overlap === 'forbid')) return skip('overlap');
  const tick = { cause: isMissed ? 'missed' : 'schedule', dueAt, passed: ticks.count - 1 } as const;
  return [beginRun(service, job, { ...tick, isReplacing: schedule.overlap === 'replace' }, null)];
}

type Begun = Pick<EventData<'JobDue'>, 'cause' | 'dueAt' | 'passed' | 'isReplacing'>;

function beginRun(service: ServiceView, job: JobView, begun: Begun, cause: Cause | null): Step {
  const { completions } = service.policy.job ?? jobPolicyDefault;
  const beside = begun.isReplacing ? [] : runningRuns(job);
  const data = {
    ...{ service: service.name, run: (job.runs.at(-1)?.run ?? 0) + 1, generation: service.generation },
    ...begun,
    ...{ firstSlot: findSlots(beside, completions), completions },
  };
  return step(service, 'JobDue', data, cause);
}

/** The first of so many slots in a row that none of the runs has. */
function findSlots(beside: readonly RunView[], completions: number): number {
  let first = 1;
  for (const run of beside.toSorted((a, b) => a.firstSlot - b.firstSlot)) {
    if (first + completions <= run.firstSlot) break;
    first = Math.max(first, run.firstSlot + run.completions);
  }
  return first;
}

function endRun(view: ClusterView, service: ServiceView, run: RunView, nowMs: number): Step[] {
  const policy = service.policy.job ?? jobPolicyDefault;
  const seconds = Math.max(0, Math.floor((nowMs - run.beganAtMs) / 1000));
  if (run.succeeded >= run.completions) {
    const data = { service: service.name, run: run.run, completions: run.completions, seconds };
    return [step(service, 'JobCompleted', data, lastEnd(service, run) ?? run.due)];
  }
  const worst = findExhausted(service, run, policy);
  if (worst?.lastFailure) {
    const { container, reason, message } = worst.lastFailure;
    const times = worst.failures === 1 ? 'once' : `${worst.failures} times, the last time`;
    const words = `${service.name}.${worst.slot} failed ${times}: ${reason}: ${message}`;
    const lastWords = [...(view.containers.get(container)?.logTail ?? [])];
    return [failRun(service, run, { why: 'attempts', words, container, lastWords }, worst.lastEnded?.cause ?? run.due)];
  }
  if (policy.timeoutSeconds === null || nowMs < run.beganAtMs + policy.timeoutSeconds * 1000) return [];
  const words = `it took longer than ${policy.timeoutSeconds} s: ${run.succeeded} of ${run.completions} containers had ended with 0`;
  return [failRun(service, run, { why: 'timed out', words, container: null, lastWords: [] }, run.due)];
}

function findExhausted(service: ServiceView, run: RunView, { maxAttempts }: JobPolicy): SlotView | undefined {
  return slotsOf(service, run).find(({ failures, done }) => done === null && failures >= maxAttempts);
}

const slotsOf = ({ slots }: ServiceView, run: RunView): SlotView[] =>
  [...slots.values()].filter(({ slot }) => isOfRun(run, slot));

/** Of those of its containers that have ended, the last. */
function lastEnd(service: ServiceView, run: RunView): Cause | null {
  const ends = slotsOf(service, run).flatMap(({ lastEnded }) => lastEnded?.cause ?? []);
  return ends.reduce<Cause | null>((last, cause) => (last && last.position > cause.position ? last : cause), null);
}

type Failure = { why: JobFailureReason; words: string; container: string | null; lastWords: string[] };

function failRun(service: ServiceView, { run }: RunView, failure: Failure, cause: Cause): Step {
  const { why, words, container, lastWords } = failure;
  const reason = words.slice(0, reasonCharactersMax);
  return step(service, 'JobFailed', { service: service.name, run, why, reason, container, lastWords }, cause);
}

type RunStepType = Extract<PlannedType, `Job${string}`> & EventType;

function step<T extends RunStepType>(
  service: ServiceView,
  type: T,
  data: Extract<NewEvent<PlannedType>, { type: T }>['data'],
  cause: Cause | null,
): Step {
  const meta = cause ? metaOf(cause) : { actor: controllerActor, causationId: null };
  const event = { stream: streams.service(service.name), type, data, meta } as Step['event'];
  return { subject: { kind: 'service', name: service.name }, event, expect: [expectService(service)] };
}
