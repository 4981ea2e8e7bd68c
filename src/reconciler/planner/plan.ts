/**
 * Plans what should happen next. Pure: the clock, the heartbeats and the time-outs are arguments, the result is data.
 * Planning again without a change gives nothing.
 *
 * ```
 *  silent nodes ──▶ NodeLost + their ContainerFailed        plan-nodes.ts
 *  conflicts about a node ──▶ AlarmRaised, AlarmCleared      plan-conflicts.ts
 *  nodes that describe one engine differently ──▶ AlarmRaised, AlarmCleared      plan-engines.ts
 *  nodes that start nothing ──▶ AlarmRaised, AlarmCleared      plan-suspects.ts
 *  a clock behind the log ──▶ AlarmRaised, AlarmCleared      plan-clock.ts
 *  overdue in queue ──▶ ContainerFailed (queue timeout)      here
 *  touched, blocked or due services──▶ their slots            plan-service.ts
 * ```
 */

import { streams } from '../../events/schema/event.ts';
import { timeOutOf } from '../../model/container-machine.ts';
import type { ClusterView, ContainerView, ServiceView } from '../../projections/view/cluster-view.ts';
import { planClock } from './plan-clock.ts';
import { nextQuietMs, planConflicts } from './plan-conflicts.ts';
import { planEngines } from './plan-engines.ts';
import { type HeartbeatStatus, isDisrupted, isSilentNode, planNodes } from './plan-nodes.ts';
import { rolloutDeadlines } from './plan-rollout.ts';
import type { PlanSettings } from './plan-round.ts';
import { runDeadlines, tickDeadlines } from './plan-runs.ts';
import { planService } from './plan-service.ts';
import { planSuspects } from './plan-suspects.ts';
import { noReservations } from './reservations.ts';
import { failContainer, type Step } from './step.ts';
import type { Work } from './work-queue.ts';

export type PlanInput = {
  view: ClusterView;
  /** What has to be evaluated; anything else is as it was at the last evaluation. */
  work: Work;
  heartbeats: HeartbeatStatus;
  settings: PlanSettings;
  /** Log time: never earlier than the view's `at`. */
  nowMs: number;
  /** Of this manager, to compare with the log's; left out where there is no such clock, as in what-if. */
  wallClockMs?: number;
};

/** @returns steps in the order they should be appended */
export function plan({ view, work, heartbeats, settings, nowMs, wallClockMs }: PlanInput): Step[] {
  const nodeSteps = planNodes(view, work.nodes, heartbeats, { ...settings, nowMs });
  const round = { ...settings, nowMs, reservations: noReservations(), isSilent: isSilentNode(view, heartbeats) };
  const serviceSteps = [...servicesToEvaluate(view, namedServices(view, work, settings), nowMs)].flatMap((name) => {
    const service = view.services.get(name);
    return service ? planService(view, service, round) : [];
  });
  const clockSteps = wallClockMs === undefined ? [] : planClock(view, wallClockMs);
  const conflictSteps = planConflicts(view, work.nodes, nowMs);
  const engineSteps = [...planEngines(view, work.nodes), ...planSuspects(view, work.nodes)];
  return [...nodeSteps, ...conflictSteps, ...engineSteps, ...planOverdue(view, nowMs), ...serviceSteps, ...clockSteps];
}

/** A node that changed may take replicas of any service that is kept balanced. */
function namedServices(view: ClusterView, { services, nodes }: Work, settings: PlanSettings): ReadonlySet<string> {
  if (nodes.size === 0) return services;
  const names = new Set(services);
  for (const { name, policy } of view.services.values()) if (policy.rebalance ?? settings.rebalance) names.add(name);
  return names;
}

/** When plan has to look again though nothing happened: the next queue deadline, restart, end of an alarm or of the wait for an engine, or null. Pure. */
export function nextDeadlineMs(view: ClusterView): number | null {
  const deadlines: number[] = [];
  const quietMs = nextQuietMs(view);
  if (quietMs !== null) deadlines.push(quietMs);
  for (const id of view.queued) {
    const container = view.containers.get(id);
    const deadlineMs = container ? deadlineMsOf(container) : null;
    if (deadlineMs !== null) deadlines.push(deadlineMs);
    break;
  }
  for (const [name, slots] of view.delayed) {
    for (const slot of slots) {
      const untilMs = view.services.get(name)?.slots.get(slot)?.delayedUntilMs;
      if (untilMs != null) deadlines.push(untilMs);
    }
  }
  for (const id of view.unreachable) {
    const { engineLost } = view.nodes.get(id)!;
    if (engineLost) deadlines.push(engineLost.deadlineMs);
  }
  for (const service of timedServices(view)) deadlines.push(...serviceDeadlines(service), ...tickDeadlines(service));
  return deadlines.length === 0 ? null : Math.min(...deadlines);
}

/** Those of the work and those whose time has come, each once: what plan costs. Pure. */
export function servicesToEvaluate(view: ClusterView, named: ReadonlySet<string>, nowMs: number): ReadonlySet<string> {
  const names = new Set(named);
  // While rescheduling is paused, that a node is heard again is no event.
  if (isDisrupted(view)) for (const name of view.blocked) names.add(name);
  for (const [name, slots] of view.delayed) {
    const delayedUntilMs = (slot: number) => view.services.get(name)?.slots.get(slot)?.delayedUntilMs ?? 0;
    if (!names.has(name) && [...slots].some((slot) => delayedUntilMs(slot) <= nowMs)) names.add(name);
  }
  for (const service of timedServices(view)) {
    const deadlines = () => [...serviceDeadlines(service), ...tickDeadlines(service)];
    if (!names.has(service.name) && deadlines().some((dueMs) => dueMs <= nowMs)) names.add(service.name);
  }
  return names;
}

/** Those that may have deadlines of their own. Pure. */
export const timedServices = (view: ClusterView): ServiceView[] =>
  [...view.rolling, ...view.jobs].map((name) => view.services.get(name)!);

/** Of rollouts and runs, in any order; also times that have passed. Pure. */
export const serviceDeadlines = (service: ServiceView): number[] => [
  ...rolloutDeadlines(service),
  ...(service.balancing ? [service.balancing.coolUntilMs] : []),
  ...runDeadlines(service),
];

/** When the container's state times out; null: it does not. */
const deadlineMsOf = ({ state, queueDeadlineMs }: ContainerView): number | null =>
  timeOutOf(state) === 'queueTimeout' ? queueDeadlineMs : null;

/** `queued` is oldest first, so the look ends at the first that has time left. */
function planOverdue(view: ClusterView, nowMs: number): Step[] {
  const steps: Step[] = [];
  for (const id of view.queued) {
    const container = view.containers.get(id);
    if (!container) continue;
    const deadlineMs = deadlineMsOf(container);
    if (deadlineMs === null || deadlineMs > nowMs) break;
    if (view.nodes.get(container.node)?.state === 'lost') continue;
    const message = `${container.node} did not take it before ${new Date(deadlineMs).toISOString()}`;
    steps.push({
      subject: { kind: 'container', name: id },
      event: failContainer(container, 'queue timeout', message, { causationId: container.latest.eventId }),
      expect: [{ stream: streams.container(id), version: container.version }],
    });
  }
  return steps;
}
