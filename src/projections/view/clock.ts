/**
 * How a corrected clock changes the view. The log's time was ahead of the world's, and times of the view may lie there: none is
 * later than the correction, and every deadline is as far away as it was.
 */

import type { ClusterView } from './cluster-view.ts';
import type { Handlers } from './handlers.ts';
import { parseIsoTime } from './iso-time.ts';
import { restartsNotAfter } from './restarts.ts';

export const clockHandlers = {
  ClockCorrected(view, event, touched) {
    const aheadMs = parseIsoTime(event.data.from) - parseIsoTime(event.data.to);
    const notAfter = <T extends string | null>(at: T): T => (at !== null && at > event.at ? (event.at as T) : at);
    const nowMs = parseIsoTime(event.at);
    moveDeadlines(view, aheadMs);
    for (const container of view.containers.values()) {
      for (const key of ['since', 'queuedAt', 'runningAt'] as const) container[key] = notAfter(container[key]!);
    }
    for (const node of view.nodes.values()) {
      node.since = notAfter(node.since);
      if (node.suspect) node.suspect = { ...node.suspect, since: notAfter(node.suspect.since) };
      node.lastHeardAt = notAfter(node.lastHeardAt);
      node.silentSince = notAfter(node.silentSince);
      if (node.engineLost) node.engineLost = { ...node.engineLost, since: notAfter(node.engineLost.since) };
      node.takeovers = node.takeovers.map((takeover) => ({ ...takeover, at: notAfter(takeover.at) }));
      node.refusals = node.refusals.map((refusal) => ({ ...refusal, at: notAfter(refusal.at) }));
      touched.nodes.add(node.id);
    }
    for (const service of view.services.values()) {
      service.updatedAt = notAfter(service.updatedAt);
      for (const slot of service.slots.values()) {
        slot.failedAtMs = slot.failedAtMs.map((ms) => Math.min(ms, nowMs));
        slot.restarts = restartsNotAfter(slot.restarts, nowMs);
      }
      for (const [generation, at] of service.converged) service.converged.set(generation, notAfter(at));
      for (const run of service.job?.runs ?? [])
        Object.assign(run, { dueAt: notAfter(run.dueAt), endedAt: notAfter(run.endedAt) });
      if (service.job) service.job.ticksDecidedMs = Math.min(service.job.ticksDecidedMs, nowMs);
      if (service.blocked) service.blocked.since = notAfter(service.blocked.since);
      touched.services.add(service.name);
    }
    for (const alarm of view.alarms.values()) alarm.since = notAfter(alarm.since);
  },
} satisfies Partial<Handlers>;

/** What waited at the time that was wrong has as long to wait at the one that is right. */
function moveDeadlines(view: ClusterView, aheadMs: number): void {
  for (const id of view.queued) {
    const container = view.containers.get(id);
    if (container) container.queueDeadlineMs -= aheadMs;
  }
  for (const [name, slots] of view.delayed) {
    for (const number of slots) {
      const slot = view.services.get(name)?.slots.get(number);
      if (slot && slot.delayedUntilMs !== null) slot.delayedUntilMs -= aheadMs;
    }
  }
  for (const name of view.rolling) {
    const { rollout, proving, balancing } = view.services.get(name)!;
    if (rollout) rollout.progressAtMs -= aheadMs;
    for (const [id, dueMs] of proving) proving.set(id, dueMs - aheadMs);
    if (balancing) balancing.coolUntilMs -= aheadMs;
  }
  for (const id of view.unreachable) {
    const { engineLost } = view.nodes.get(id)!;
    if (engineLost) engineLost.deadlineMs -= aheadMs;
  }
  for (const { job } of view.services.values()) for (const run of job?.runs ?? []) run.beganAtMs -= aheadMs;
  if (view.nextExpiryMs !== null) view.nextExpiryMs -= aheadMs;
}
