/** Refuses requests that do not fit how a service runs. Pure. */

import { AppError } from '../../errors.ts';
import { modeOf, type ServicePolicy } from '../../model/policy.ts';
import type { ServiceView } from '../../projections/view/cluster-view.ts';

/**
 * What its containers are, and where, would mean something else.
 * @param path of the service in the request, with its dot
 * @throws AppError `mode_mismatch` (details.field, .rule)
 */
export function assertSameMode(service: ServiceView, policy: ServicePolicy, path: string): void {
  const [is, asked] = [modeOf(service.policy), modeOf(policy)];
  if (is !== asked) refuse(`${path}mode`, `cannot become ${asked}: ${service.name} is ${is}; remove it first`);
}

type Patch = {
  replicas?: number;
  policy?: { job?: unknown; schedule?: unknown; update?: unknown; onDisconnect?: unknown };
};

/** @throws AppError `mode_mismatch` (details.field, .rule) */
export function assertPatchable(service: ServiceView, { replicas, policy = {} }: Patch): void {
  const mode = modeOf(service.policy);
  const rule = `cannot be set: ${service.name} is ${mode}`;
  if (mode !== 'replicated' && replicas !== undefined) refuse('replicas', rule);
  if (mode !== 'job' && policy.job !== undefined) refuse('job', rule);
  if (mode !== 'job' && policy.schedule !== undefined) refuse('schedule', rule);
  if (mode === 'job' && policy.update != null) refuse('update', rule);
  if (mode === 'job' && policy.onDisconnect != null) refuse('onDisconnect', rule);
}

function refuse(field: string, rule: string): never {
  throw new AppError('mode_mismatch', `${field} ${rule}`, { details: { field, rule } });
}
