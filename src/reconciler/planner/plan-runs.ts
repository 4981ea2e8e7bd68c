/** Decides when a run of a job begins, and when one is complete or has failed. Pure. */

import type { EventType } from '../../events/schema/catalog.ts';
import { type NewEvent, streams } from '../../events/schema/event.ts';
import type { JobFailureReason } from '../../events/schema/job-facts.ts';
import { type JobPolicy, jobPolicyDefault } from '../../model/job.ts';
import type {
  Cause,
  ClusterView,
  JobView,
  RunView,
  ServiceView,
  SlotView,
} from '../../projections/view/cluster-view.ts';
import { isOfRun, runningRuns } from '../../projections/view/job-runs.ts';
import { expectService } from './service-steps.ts';
import { metaOf, type PlannedType, type Step } from './step.ts';

const reasonCharactersMax = 2_048;

export function planRuns(view: ClusterView, service: ServiceView, job: JobView, nowMs: number): Step[] {
  const begin = beginRun(service, job);
  return begin.length > 0 ? begin : runningRuns(job).flatMap((run) => endRun(view, service, run, nowMs));
}

/** When the planner has to look at the job again though nothing happened, in any order; also times that have passed. Pure. */
export function jobDeadlines({ job, policy }: ServiceView): number[] {
  const { timeoutSeconds } = policy.job ?? jobPolicyDefault;
  if (!job || timeoutSeconds === null) return [];
  return runningRuns(job).map(({ beganAtMs }) => beganAtMs + timeoutSeconds * 1000);
}

/** Who asks for a run does not want the one before any more. */
function beginRun(service: ServiceView, { requested, runs }: JobView): Step[] {
  if (!requested) return [];
  const { completions } = service.policy.job ?? jobPolicyDefault;
  const data = {
    ...{ service: service.name, run: (runs.at(-1)?.run ?? 0) + 1, generation: service.generation },
    ...{
      cause: 'requested' as const,
      dueAt: service.updatedAt,
      passed: 0,
      firstSlot: 1,
      completions,
      isReplacing: true,
    },
  };
  return [step(service, 'JobDue', data, requested)];
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
  cause: Cause,
): Step {
  const event = { stream: streams.service(service.name), type, data, meta: metaOf(cause) } as Step['event'];
  return { subject: { kind: 'service', name: service.name }, event, expect: [expectService(service)] };
}
