/** Plans one service: the buckets of its slots, and the steps made from them. Pure. */

import type { ClusterView, ContainerView, ServiceView } from '../../projections/view/cluster-view.ts';
import { planJob } from './plan-job.ts';
import { planRebalance } from './plan-rebalance.ts';
import { planRollout } from './plan-rollout.ts';
import type { PlanRound } from './plan-round.ts';
import { planStability } from './plan-stability.ts';
import {
  blockPlacement,
  delayRestart,
  queueContainer,
  removeService,
  replaceContainer,
  stopContainer,
} from './service-steps.ts';
import { computeSlots, type SlotBuckets } from './slot-buckets.ts';
import type { Step } from './step.ts';

export function planService(view: ClusterView, service: ServiceView, round: PlanRound): Step[] {
  if (service.job) return planJob(view, service, service.job, round);
  const rollout = planRollout(view, service, round.nowMs);
  // Its first fact comes before what follows from it.
  if (service.rollout === null && rollout.steps.length > 0) return rollout.steps;
  const buckets = computeSlots(view, service, round, rollout.isHeld);
  const planned = [...stepsOf(view, service, buckets, round), ...planStability(service, round.nowMs), ...rollout.steps];
  const steps = planned.length > 0 ? planned : planRebalance(view, service, round);
  if (!service.removing || hasContainers(service)) return steps;
  return [...steps, removeService(service)];
}

/** What makes room comes before what needs it. */
function stepsOf(
  view: ClusterView,
  service: ServiceView,
  { stop, replace, place, blocked, filtered, delay }: SlotBuckets,
  round: PlanRound,
): Step[] {
  return [
    ...stop.map((container) => stopSurplus(view, service, container)),
    ...replace.map((container) => replaceContainer(view, service, container)),
    ...place.map(({ slot, placement }) => queueContainer(view, service, slot, placement, round)),
    ...(service.removing ? [] : blockPlacement(service, blocked, filtered, place.length > 0 && !service.nodeOfSlot)),
    ...delay.flatMap((slot) => delayRestart(service, slot, round.nowMs)),
  ];
}

/** A global service is stopped where its node is drained. */
function stopSurplus(view: ClusterView, service: ServiceView, container: ContainerView): Step {
  if (service.removing) return stopContainer(service, container, 'service removed', service.specEvent);
  if (service.nodeOfSlot) return replaceContainer(view, service, container);
  return stopContainer(service, container, 'scaled down', service.specEvent);
}

function hasContainers(service: ServiceView): boolean {
  for (const slot of service.slots.values()) if (slot.containers.size > 0) return true;
  return false;
}
