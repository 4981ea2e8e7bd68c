/** Refuses policies of a service that contradict each other, or that it cannot follow. Pure. */

import { AppError } from '../../errors.ts';
import { modeOf, type RestartPolicy, type ServicePolicy, type UpdatePolicy } from '../../model/policy.ts';
import { explainTimes, type Schedule } from '../../model/schedule.ts';
import type { ContainerSpec } from '../../model/service.ts';

type Checked = { replicas: number | null; container: Pick<ContainerSpec, 'ports'> } & ServicePolicy;

/**
 * @param path of the service in the body, with its dot
 * @param given.restart as in the body: which of its members were meant
 * @throws AppError `body_contradictory`
 */
export function assertPolicy(service: Checked, path: string, given: { restart?: Partial<RestartPolicy> } = {}): void {
  const { replicas, update, job, schedule, onDisconnect } = service;
  const refuse = (member: string, rule: string) => contradiction(`${path}${member}`, rule);
  const mode = modeOf(service);
  if (mode !== 'replicated' && replicas !== null)
    throw refuse('replicas', `cannot be set for a service of mode ${mode}`);
  if (mode !== 'job' && job) throw refuse('job', `needs mode job, not ${mode}`);
  if (mode !== 'job' && schedule) throw refuse('schedule', `needs mode job, not ${mode}`);
  if (schedule) assertSchedule(schedule, path);
  if (mode === 'job' && onDisconnect) throw refuse('onDisconnect', onDisconnectOfJob);
  if (mode === 'job') checkJob(service, given.restart ?? {}, refuse);
  if (update) checkUpdate(update, service, refuse);
  checkPlacement(service, refuse);
}

/** @param path of the service in the body, with its dot @throws AppError `body_contradictory` */
export function assertSchedule(schedule: Schedule, path: string): Schedule {
  const broken = explainTimes(schedule);
  if (broken) throw contradiction(`${path}schedule.${broken.member}`, broken.rule);
  return schedule;
}

const onDisconnectOfJob = `cannot be keep for a service of mode job: its attempts are the managers' to count`;

const contradiction = (field: string, rule: string) =>
  new AppError('body_contradictory', `${field} ${rule}`, { details: { field, rule } });

type Refuse = (member: string, rule: string) => AppError;

/** How often it is tried, and what its end means, is said by the job. */
export const restartNotOfJobs = ['condition', 'maxAttempts', 'windowSeconds'] as const;

function checkJob({ update }: Checked, restart: Partial<RestartPolicy>, refuse: Refuse): void {
  if (update) throw refuse('update', 'cannot be set for a service of mode job: nothing is rolled out');
  const given = restartNotOfJobs.find((member) => restart[member] !== undefined);
  if (given) throw refuse(`restart.${given}`, 'cannot be set for a service of mode job: job.maxAttempts counts');
}

function checkPlacement({ placement, rebalance, ...service }: Checked, refuse: Refuse): void {
  const mode = modeOf(service);
  const none = 'a global service has one container on each node that meets its constraints';
  if (mode === 'global' && placement?.spread) throw refuse('placement.spread', `cannot be set: ${none}`);
  if (mode === 'global' && placement?.maxPerNode) throw refuse('placement.maxPerNode', `cannot be set: ${none}`);
  if (mode === 'global' && placement?.strategy === 'binpack')
    throw refuse('placement.strategy', `cannot be binpack: ${none}`);
  if (placement?.strategy === 'binpack' && placement.spread)
    throw refuse('placement.spread', 'cannot be set with strategy binpack: nodes are filled one after the other');
  if (!rebalance) return;
  if (mode !== 'replicated') throw refuse('rebalance', `needs mode replicated, not ${mode}`);
  if (placement?.strategy === 'binpack')
    throw refuse('rebalance', 'cannot be set with strategy binpack: nodes are filled one after the other');
}

function checkUpdate({ canary, order }: UpdatePolicy, { mode, replicas, container }: Checked, refuse: Refuse): void {
  if (canary > 0 && replicas !== null && canary >= replicas) {
    throw refuse('update.canary', `must be less than the replicas, which are ${replicas}`);
  }
  const held = container.ports.find(({ host }) => host !== null);
  if (order === 'start-first' && mode === 'global') {
    throw refuse('update.order', 'cannot be start-first: a global service has one container on a node');
  }
  if (order === 'start-first' && held) {
    throw refuse(
      'update.order',
      `cannot be start-first: the old container holds host port ${held.host} until it stops`,
    );
  }
}
