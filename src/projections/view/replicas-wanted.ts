/** How many containers a service should have now. */

import { jobPolicyDefault } from '../../model/job.ts';
import type { ServiceView } from './cluster-view.ts';
import { runningRuns } from './job-runs.ts';

/** Of a job, how many the runs that go on may have at once. Pure. */
export function replicasWanted({ replicas, job, policy, removing }: ServiceView): number {
  if (removing) return 0;
  if (!job) return replicas;
  const { parallelism } = policy.job ?? jobPolicyDefault;
  return runningRuns(job).reduce((sum, run) => sum + Math.min(parallelism, run.completions - run.succeeded), 0);
}
