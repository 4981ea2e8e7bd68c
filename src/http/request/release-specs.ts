/** Converts health checks and policies between request bodies and what is stored. Pure. */

import { type HealthCheck, healthCheckDefaults } from '../../model/health.ts';
import { jobPolicyDefault, type ServiceMode } from '../../model/job.ts';
import { rebalanceDefault } from '../../model/placement.ts';
import {
  type Amount,
  type OnDisconnect,
  type RestartPolicy,
  restartPolicyDefault,
  type ServicePolicy,
  type UpdatePolicy,
  updatePolicyDefault,
} from '../../model/policy.ts';
import { scheduleDefaults } from '../../model/schedule.ts';
import type { ContainerSpec } from '../../model/service.ts';
import type { PolicyPatch } from '../../reconciler/commands/decide.ts';
import { assertSchedule, restartNotOfJobs } from '../../reconciler/commands/policy-rules.ts';
import { refuseField } from '../response/problem.ts';
import type { PlacementBody, RebalanceBody } from './placement-schema.ts';
import { toPlacement, toPlacementBody } from './placement-specs.ts';
import type { HealthBody, JobBody, RestartBody, ScheduleBody, UpdateBody } from './release-schema.ts';

/** @throws AppError `body_contradictory`: none or several kinds of check; a time-out longer than its interval is allowed */
export function toHealth(body: HealthBody, field: string): HealthCheck {
  if (body === 'none') return { kind: 'none' };
  const { command, http, tcp, ...given } = body;
  const times = { ...healthCheckDefaults, ...given };
  const kinds = [command, http, tcp].filter((kind) => kind !== undefined);
  if (kinds.length !== 1) {
    throw refuseField('body_contradictory', field, 'must have exactly one of command, http and tcp');
  }
  if (command) return { kind: 'command', command, ...times };
  if (http) return { kind: 'http', path: http.path, port: http.port, status: http.status ?? null, ...times };
  return { kind: 'tcp', port: tcp!.port, ...times };
}

function toHealthBody(check: HealthCheck): HealthBody {
  if (check.kind === 'none') return 'none';
  const { intervalSeconds, timeoutSeconds, retries, startPeriodSeconds } = check;
  const times = { intervalSeconds, timeoutSeconds, retries, startPeriodSeconds };
  if (check.kind === 'command') return { command: check.command, ...times };
  if (check.kind === 'tcp') return { tcp: { port: check.port }, ...times };
  const { path, port, status } = check;
  return { http: { path, port, ...(status === null ? {} : { status }) }, ...times };
}

type PolicyBody = {
  mode?: ServiceMode;
  job?: JobBody;
  schedule?: ScheduleBody;
  update?: UpdateBody;
  restart?: RestartBody;
  placement?: PlacementBody;
  rebalance?: RebalanceBody;
  onDisconnect?: OnDisconnect;
};

/** @param path of the service in the body, with its dot @throws AppError `body_contradictory` */
export const toPolicy = (
  { mode, job, schedule, update, restart, placement, rebalance, onDisconnect }: PolicyBody,
  path: string,
): ServicePolicy => ({
  ...(mode && mode !== 'replicated' ? { mode } : {}),
  ...(job || mode === 'job' ? { job: { ...jobPolicyDefault, ...job } } : {}),
  ...(schedule ? { schedule: { ...scheduleDefaults, ...schedule } } : {}),
  ...(update ? { update: { ...updatePolicyDefault, ...toUpdate(update) } } : {}),
  ...(restart ? { restart: { ...restartPolicyDefault, ...restart } } : {}),
  ...(placement ? { placement: toPlacement(placement, path) } : {}),
  ...(rebalance ? { rebalance: { ...rebalanceDefault, ...rebalance } } : {}),
  ...(onDisconnect === 'keep' ? { onDisconnect } : {}),
});

type PolicyPatchBody = {
  job?: JobBody | null;
  schedule?: ScheduleBody | null;
  update?: UpdateBody | null;
  restart?: RestartBody | null;
  placement?: PlacementBody | null;
  rebalance?: RebalanceBody | null;
  onDisconnect?: OnDisconnect | null;
};

/** @throws AppError `body_contradictory` */
export const toPolicyPatch = ({ schedule, update, placement, ...plain }: PolicyPatchBody): PolicyPatch => ({
  ...plain,
  ...(schedule === undefined ? {} : { schedule: schedule && assertSchedule({ ...scheduleDefaults, ...schedule }, '') }),
  ...(update === undefined ? {} : { update: update && toUpdate(update) }),
  ...(placement === undefined ? {} : { placement: placement && toPlacement(placement, '') }),
});

function toUpdate({ parallelism, maxFailures, ...plain }: UpdateBody): Partial<UpdatePolicy> {
  return {
    ...plain,
    ...(parallelism === undefined ? {} : { parallelism: toAmount(parallelism) }),
    ...(maxFailures === undefined ? {} : { maxFailures: toAmount(maxFailures) }),
  };
}

const toAmount = (amount: number | string): Amount =>
  typeof amount === 'number' ? { count: amount } : { percent: Number(amount.slice(0, -1)) };

const toAmountBody = (amount: Amount): number | string => ('count' in amount ? amount.count : `${amount.percent}%`);

/** As a request has them, such that sending them again changes nothing. */
export function toReleaseBody(spec: ContainerSpec, policy: ServicePolicy) {
  const { mode, job, schedule, update, restart, placement, rebalance, onDisconnect } = policy;
  return {
    ...(spec.health ? { health: toHealthBody(spec.health) } : {}),
    ...(mode ? { mode } : {}),
    ...(job ? { job } : {}),
    ...(schedule ? { schedule } : {}),
    ...(update ? { update: toUpdateBody(update) } : {}),
    ...(restart ? { restart: toRestartBody(restart, mode) } : {}),
    ...(placement ? { placement: toPlacementBody(placement) } : {}),
    ...(rebalance ? { rebalance } : {}),
    ...(onDisconnect ? { onDisconnect } : {}),
  };
}

/** Of a job what its policy does not say: the rest would be refused. */
function toRestartBody(restart: RestartPolicy, mode: ServiceMode | undefined): RestartBody {
  if (mode !== 'job') return restart;
  const of = new Set<string>(restartNotOfJobs);
  return Object.fromEntries(Object.entries(restart).filter(([member]) => !of.has(member)));
}

const toUpdateBody = ({ parallelism, maxFailures, ...plain }: UpdatePolicy): UpdateBody => ({
  ...plain,
  parallelism: toAmountBody(parallelism),
  maxFailures: toAmountBody(maxFailures),
});
