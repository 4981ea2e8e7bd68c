/**
 * Plans one job: when a run begins and how it ends, and the containers of the runs that go on. Pure.
 *
 * | slot of a run | has | what follows |
 * |---|---|---|
 * | done | a container that ended with 0 | nothing more |
 * | taken | a container, also one that is stopping | nothing, unless it must leave |
 * | empty | none, or one that failed | place, while fewer than `parallelism` are there; delay, when it failed again |
 *
 * A container of a run that is over is stopped.
 */

import { jobPolicyDefault } from '../../model/job.ts';
import type { ClusterView, ContainerView, JobView, RunView, ServiceView } from '../../projections/view/cluster-view.ts';
import { runningRuns, runOf } from '../../projections/view/job-runs.ts';
import { createNodeSearch, type NodeSearch } from './node-search.ts';
import type { Placement } from './placement.ts';
import type { PlanRound } from './plan-round.ts';
import { planRuns } from './plan-runs.ts';
import {
  blockPlacement,
  delayRestart,
  queueContainer,
  removeService,
  replaceContainer,
  stopContainer,
} from './service-steps.ts';
import { mustLeave, readSlot, type SlotStatus } from './slot-status.ts';
import type { Step } from './step.ts';

type Filled = { place: { slot: SlotStatus; placement: Placement }[]; blocked: SlotStatus[]; delay: SlotStatus[] };

export function planJob(view: ClusterView, service: ServiceView, job: JobView, round: PlanRound): Step[] {
  // The first fact of a run, and its last, come before what follows from them.
  const runs = service.removing ? [] : planRuns(view, service, job, round);
  if (runs.length > 0) return runs;
  const stops = liveOf(view, service)
    .filter(({ state }) => state !== 'stopping')
    .flatMap((container) => stopUnwanted(view, service, job, container));
  if (service.removing) return service.live > 0 ? stops : [removeService(service)];
  const nodes = createNodeSearch(view, service, { round, replicasOnNode: (node) => service.perNode.get(node) ?? 0 });
  const filled: Filled = { place: [], blocked: [], delay: [] };
  for (const run of runningRuns(job)) fillRun({ view, service, nowMs: round.nowMs, isHeld: false }, run, nodes, filled);
  return [
    ...stops,
    ...filled.place.map(({ slot, placement }) => queueContainer(view, service, slot, placement, round)),
    ...blockPlacement(service, filled.blocked, nodes.filtered(), filled.place.length > 0),
    ...filled.delay.flatMap((slot) => delayRestart(service, slot, round.nowMs)),
  ];
}

function liveOf(view: ClusterView, service: ServiceView): ContainerView[] {
  return [...service.slots.values()].flatMap(({ containers }) => [...containers].map((id) => view.containers.get(id)!));
}

function stopUnwanted(view: ClusterView, service: ServiceView, job: JobView, container: ContainerView): Step[] {
  if (service.removing) return [stopContainer(service, container, 'service removed', service.specEvent)];
  if (runOf(service, container) === null) return [stopLeftover(service, job, container)];
  return mustLeave(view, service, container) ? [replaceContainer(view, service, container)] : [];
}

/** Its run is over. */
function stopLeftover(service: ServiceView, { runs }: JobView, container: ContainerView): Step {
  const run = runs.findLast(({ due }) => due.position < container.queuedPosition);
  const cause = run?.end ?? service.specEvent;
  if (run?.state !== 'failed') return stopContainer(service, container, 'replaced', cause);
  return stopContainer(service, container, run.failure?.why === 'timed out' ? 'job timed out' : 'job failed', cause);
}

/** Adds what one run needs now: no more at once than it may, those on their way out included. */
function fillRun(source: Parameters<typeof readSlot>[0], run: RunView, nodes: NodeSearch, filled: Filled): void {
  const { service } = source;
  const { parallelism } = service.policy.job ?? jobPolicyDefault;
  const numbers = Array.from({ length: run.completions }, (_, index) => run.firstSlot + index);
  const isTaken = (slot: number) => (service.slots.get(slot)?.containers.size ?? 0) > 0;
  let left = parallelism - numbers.filter(isTaken).length;
  for (const number of numbers) {
    if (left <= 0) return;
    if (isTaken(number) || service.slots.get(number)?.done) continue;
    const slot = readSlot(source, number);
    const found = nodes.find(slot);
    if (found.kind === 'placed') filled.place.push({ slot, placement: found.placement });
    if (found.kind === 'no node') filled.blocked.push(slot);
    if (found.kind === 'undecided') filled.delay.push(slot);
    if (found.kind === 'placed' || found.kind === 'no node') left -= 1;
  }
}
