/** Why a container was asked to stop, and why a run of a job began, as the ends of sentences. */

import type { RunCause } from '../../events/schema/job-facts.ts';
import type { StopReason } from '../../model/container.ts';

export const stopReasons: Readonly<Record<StopReason, (about: { service: string; node: string }) => string>> = {
  'scaled down': ({ service }) => `${service} needs fewer replicas`,
  replaced: () => 'another container takes its place',
  'service removed': ({ service }) => `${service} is being removed`,
  'node draining': ({ node }) => `${node} is being drained`,
  unhealthy: () => 'it is unhealthy',
  'constraint not met': ({ node, service }) => `${node} does not meet the constraints of ${service}`,
  rebalanced: ({ node, service }) => `another node had fewer of ${service} than ${node}`,
  'job timed out': ({ service }) => `the run of ${service} took too long`,
  'job failed': ({ service }) => `the run of ${service} has failed`,
};

export const runCauses: Readonly<Record<RunCause, (dueAt: string) => string>> = {
  requested: () => 'it was requested',
  schedule: (dueAt) => `its schedule wanted it at ${dueAt}`,
  missed: (dueAt) => `its schedule wanted it at ${dueAt}, while no manager led`,
};
