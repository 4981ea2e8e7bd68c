/**
 * Owns what should happen next. Pure: the clock, the silence of nodes and the time-outs are arguments, the result is
 * data. Planning again without a change gives nothing.
 *
 * ```
 *  silent nodes ──▶ NodeLost + their ContainerFailed        plan-nodes.ts
 *  quarrels about a node ──▶ AlarmRaised, AlarmCleared       plan-claims.ts
 *  overdue in queue ──▶ ContainerFailed (queue timeout)      here
 *  dirty, blocked or due services ──▶ their slots            plan-service.ts
 * ```
 */

import { streams } from '../../events/schema/event.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';
import { noReservations } from './placement.ts';
import { nextQuietMs, planClaims } from './plan-conflicts.ts';
import { isHeld, isSilentNode, type LastHeard, planNodes } from './plan-nodes.ts';
import { planService } from './plan-service.ts';
import type { PlanSettings } from './slot-placement.ts';
import { failContainer, type Step } from './step.ts';

/** What to look at again. Anything else is as it was when plan last looked. */
export type Dirty = { services: ReadonlySet<string>; nodes: ReadonlySet<string> };

/**
 * @param nowMs wall clock, never earlier than the view's `at`
 * @returns steps in the order they should be appended
 */
export function plan(
  view: ClusterView,
  dirty: Dirty,
  lastHeard: LastHeard,
  settings: PlanSettings,
  nowMs: number,
): Step[] {
  const nodeSteps = planNodes(view, dirty.nodes, lastHeard);
  const pass = { ...settings, nowMs, reservations: noReservations(), isSilent: isSilentNode(view, lastHeard) };
  const serviceSteps = [...servicesToLookAt(view, dirty.services, nowMs)].flatMap((name) => {
    const service = view.services.get(name);
    return service ? planService(view, service, pass) : [];
  });
  return [...nodeSteps, ...planClaims(view, dirty.nodes, nowMs), ...planOverdue(view, nowMs), ...serviceSteps];
}

/** When plan has to look again though nothing happened: the next queue deadline, restart or end of an alarm, or null. Pure. */
export function nextDeadlineMs(view: ClusterView): number | null {
  const deadlines: number[] = [];
  const quietMs = nextQuietMs(view);
  if (quietMs !== null) deadlines.push(quietMs);
  for (const id of view.queued) {
    const container = view.containers.get(id);
    if (container) deadlines.push(container.queueDeadlineMs);
    break;
  }
  for (const [name, slots] of view.delayed) {
    for (const slot of slots) {
      const untilMs = view.services.get(name)?.slots.get(slot)?.delayedUntilMs;
      if (untilMs != null) deadlines.push(untilMs);
    }
  }
  return deadlines.length === 0 ? null : Math.min(...deadlines);
}

/**
 * Takes the first of the services, together of at most so much, but one at least.
 * @param names loses what is taken
 */
export function takeServices(names: Set<string>, sizeOf: (name: string) => number, most: number): Set<string> {
  const taken = new Set<string>();
  let size = 0;
  for (const name of names) {
    size += sizeOf(name);
    if (taken.size > 0 && size > most) break;
    taken.add(name);
    names.delete(name);
  }
  return taken;
}

/** The dirty ones and those whose time has come: what plan costs. Pure. */
export function* servicesToLookAt(view: ClusterView, dirty: ReadonlySet<string>, nowMs: number): Iterable<string> {
  yield* dirty;
  // While the hold stands, that a node is heard again is no event.
  if (isHeld(view)) for (const name of view.blocked) if (!dirty.has(name)) yield name;
  for (const [name, slots] of view.delayed) {
    if (dirty.has(name) || (isHeld(view) && view.blocked.has(name))) continue;
    const isDue = [...slots].some((slot) => (view.services.get(name)?.slots.get(slot)?.delayedUntilMs ?? 0) <= nowMs);
    if (isDue) yield name;
  }
}

/** `queued` is oldest first, so the look ends at the first that has time left. */
function planOverdue(view: ClusterView, nowMs: number): Step[] {
  const steps: Step[] = [];
  for (const id of view.queued) {
    const container = view.containers.get(id);
    if (!container) continue;
    if (container.queueDeadlineMs > nowMs) break;
    if (view.nodes.get(container.node)?.state === 'lost') continue;
    const message = `${container.node} did not take it before ${new Date(container.queueDeadlineMs).toISOString()}`;
    steps.push({
      subject: { kind: 'container', name: id },
      event: failContainer(container, 'queue timeout', message, { causationId: container.latest.eventId }),
      expect: [{ stream: streams.container(id), version: container.version }],
    });
  }
  return steps;
}
