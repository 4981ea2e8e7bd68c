/** How many containers a service should have now, and whether a node for them is lacking. */

import { jobPolicyDefault } from '../../model/job.ts';
import type { ServiceView } from './cluster-view.ts';
import { runningRuns } from './job-runs.ts';

/**
 * Of a job, how many the runs that go on may have at once; of a global service one on each node that it should be on and
 * that has room for it. Pure.
 */
export function replicasWanted({ replicas, job, nodeOfSlot, policy, blocked, rollout, removing }: ServiceView): number {
  if (removing) return 0;
  // During an update what lacks room still runs by the spec before.
  const missing = rollout?.state === 'in progress' ? 0 : (blocked?.missing ?? 0);
  if (nodeOfSlot) return Math.max(0, replicas - missing);
  if (!job) return replicas;
  const { parallelism } = policy.job ?? jobPolicyDefault;
  return runningRuns(job).reduce((sum, run) => sum + Math.min(parallelism, run.completions - run.succeeded), 0);
}

/** A global service is on the nodes that have room for it: it lacks one for an update, or when none has room. Pure. */
export const lacksNode = (service: ServiceView): boolean =>
  service.blocked !== null &&
  (!service.nodeOfSlot || service.rollout?.state === 'in progress' || replicasWanted(service) === 0);
