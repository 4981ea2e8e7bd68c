/**
 * Plans the alarm about a node id that two agents use. Pure. Either one was refused because the other has the node (see
 * decide-registration.ts), or, where one of them does not report its instance, each takes the node from the other again
 * and again; that looks the same as one agent that keeps losing its session.
 */

import { alarmNames } from '../../model/alarm.ts';
import { type ClusterView, type NodeView, takeoversKept } from '../../projections/view/cluster-view.ts';
import { parseIsoTime } from '../../projections/view/iso-time.ts';
import { refusalEveryMs } from '../commands/decide-registration.ts';
import { alarmSteps, clearAlarm, raiseAlarm, subjectsOf } from './alarms.ts';
import type { Step } from './step.ts';

const alarm = alarmNames.registrationConflict;

/** Two agents take the node from each other within seconds; the alarm is over this long after the last time. */
const withinMs = 60_000;
/** A refused agent that goes on asking is recorded that often; a minute more, and it has stopped. */
const refusedMs = refusalEveryMs + 60_000;

/** @param touched nodes about which something changed */
export function planConflicts(view: ClusterView, touched: ReadonlySet<string>, nowMs: number): Step[] {
  const steps: Step[] = [];
  for (const subject of touched) {
    const node = view.nodes.get(subject);
    if (!node || !isInConflict(node, nowMs)) continue;
    steps.push(
      ...alarmSteps(raiseAlarm(view, { alarm, subject, message: describeConflict(node) }), nodeSubject(subject)),
    );
  }
  for (const subject of subjectsOf(view, alarm)) {
    if (quietAtMs(view, subject) > nowMs) continue;
    steps.push(...alarmSteps(clearAlarm(view, { alarm, subject }), nodeSubject(subject)));
  }
  return steps;
}

const nodeSubject = (name: string): Step['subject'] => ({ kind: 'node', name });

/** When the first of these alarms is over if nothing happens; null when none is active. */
export function nextQuietMs(view: ClusterView): number | null {
  const times = subjectsOf(view, alarm).map((subject) => quietAtMs(view, subject));
  return times.length === 0 ? null : Math.min(...times);
}

function isInConflict(node: NodeView, nowMs: number): boolean {
  return isRefusing(node, nowMs) || isFlapping(node, nowMs);
}

function isRefusing({ refusals }: NodeView, nowMs: number): boolean {
  const last = refusals.at(-1);
  return last !== undefined && parseIsoTime(last.at) + refusedMs > nowMs;
}

function isFlapping({ takeovers }: NodeView, nowMs: number): boolean {
  const [first, last] = [takeovers[0], takeovers.at(-1)];
  if (!first || !last || takeovers.length < takeoversKept) return false;
  return parseIsoTime(last.at) - parseIsoTime(first.at) <= withinMs && parseIsoTime(last.at) + withinMs > nowMs;
}

/** No agents are in conflict about a node that left or was lost since. */
function quietAtMs(view: ClusterView, node: string): number {
  const { takeovers = [], refusals = [] } = view.nodes.get(node) ?? {};
  const [takeover, refusal] = [takeovers.at(-1), refusals.at(-1)];
  return Math.max(
    takeover ? parseIsoTime(takeover.at) + withinMs : 0,
    refusal ? parseIsoTime(refusal.at) + refusedMs : 0,
  );
}

function describeConflict(node: NodeView): string {
  const { id, hostname, instance, refusals, takeovers } = node;
  const refused = refusals.at(-1);
  if (refused && instance) {
    const holder = `the agent on ${hostname} (process ${instance.pid}, since ${instance.startedAt})`;
    const claimant = `another on ${refused.hostname} (process ${refused.instance.pid}, since ${refused.instance.startedAt})`;
    return `${id} belongs to ${holder}, and ${claimant} asks for it and is refused: give that one an id of its own`;
  }
  const hosts = [...new Set(takeovers.map(({ hostname }) => hostname))];
  const who =
    hosts.length > 1
      ? `by the agents of ${hosts.join(' and ')}`
      : `from ${hosts[0]}: by two agents there, or by one that keeps losing its session`;
  return `${id} was taken over ${takeovers.length} times within a minute while it was ready, ${who}`;
}
