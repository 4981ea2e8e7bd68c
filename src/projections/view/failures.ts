/** Counts the failures of a slot: of one spec, until a run was stable; and of any, by minute. */

import type { LogEvent } from '../../events/schema/event.ts';
import type { FailureReason } from '../../model/container.ts';
import type { ContainerFact, HealthFact } from '../../model/container-machine.ts';
import { restartPolicyDefault } from '../../model/policy.ts';
import { type ContainerView, failureTimesKept, type ServiceView } from './cluster-view.ts';
import { parseIsoTime } from './iso-time.ts';
import { runOf } from './job-runs.ts';
import { addRestart } from './restarts.ts';
import type { SlotView } from './slot-view.ts';

export type Failure = { reason: FailureReason | 'completed'; message: string };

/** What ran by a spec that is no longer requested, nor gone back to, says nothing about the present one. */
export function countFailure(
  service: ServiceView,
  slot: SlotView,
  container: ContainerView,
  event: LogEvent<ContainerFact | HealthFact>,
  failure: Failure | null,
): void {
  // A run that was unhealthy when it ended was counted when it became so.
  const isCounted = event.type !== 'ContainerUnhealthy' && container.health === 'unhealthy';
  if (failure && !isCounted) slot.restarts = addRestart(slot.restarts, event.at);
  if (service.job) {
    if (failure && runOf(service, container)) addFailure(slot, container, event, failure);
    return;
  }
  if (container.specHash !== service.specHash && !isGoneBackTo(service, container)) return;
  if (slot.failures > 0 && wasStable(service, container, event.at)) {
    slot.failures = 0;
    slot.failedSpec = null;
    slot.lastFailure = null;
  }
  if (!failure) return;
  if (slot.failedSpec !== container.specHash) slot.failures = 0;
  addFailure(slot, container, event, failure);
}

function addFailure(slot: SlotView, container: ContainerView, event: LogEvent, failure: Failure): void {
  slot.failures += 1;
  slot.failedSpec = container.specHash;
  slot.failedAtMs = [...slot.failedAtMs, parseIsoTime(event.at)].slice(-failureTimesKept);
  slot.lastFailure = { ...failure, container: container.id, at: event.at };
}

/** Its spec runs on while the rollout of the present one is held. */
const isGoneBackTo = ({ rollout, previous }: ServiceView, { specHash }: ContainerView): boolean =>
  (rollout?.state === 'paused' || rollout?.state === 'failed') && previous?.specHash === specHash;

/** A run this long was stable: what failed before it is forgotten. */
function wasStable({ policy }: ServiceView, { runningAt }: ContainerView, endedAt: string): boolean {
  const { windowSeconds } = policy.restart ?? restartPolicyDefault;
  return runningAt !== null && parseIsoTime(endedAt) - parseIsoTime(runningAt) >= windowSeconds * 1000;
}
