/**
 * Owns the alarm about a node id that two agents go by. Pure. Either one was refused because the other has the node (see
 * decide-claim.ts), or, where one of them does not say which instance it is, each takes the node from the other for ever;
 * that cannot be told from one agent that keeps losing its session.
 */

import { streams } from '../../events/schema/event.ts';
import { alarmKey } from '../../projections/view/cluster.ts';
import { type ClusterView, type NodeView, takeoversKept } from '../../projections/view/cluster-view.ts';
import { parseIsoTime } from '../../projections/view/iso-time.ts';
import { refusalEveryMs } from '../commands/decide-registration.ts';
import { controllerActor, type Step } from './step.ts';

const claimedTwiceAlarm = 'node claimed twice';

/** Two agents take turns within seconds; the alarm is over this long after the last. */
const withinMs = 60_000;
/** A claimant that goes on asking is recorded that often; a minute more, and it has stopped. */
const refusedMs = refusalEveryMs + 60_000;

export function planClaims(view: ClusterView, dirty: ReadonlySet<string>, nowMs: number): Step[] {
  const steps: Step[] = [];
  for (const id of dirty) {
    const node = view.nodes.get(id);
    const isNews = node && isClaimedTwice(node, nowMs) && !view.alarms.has(alarmKey(claimedTwiceAlarm, id));
    if (isNews) steps.push(raise(node));
  }
  for (const { alarm, subject } of view.alarms.values()) {
    if (alarm === claimedTwiceAlarm && quietAtMs(view, subject) <= nowMs) steps.push(clear(subject));
  }
  return steps;
}

/** When the first of these alarms is over if nothing happens; null when none stands. */
export function nextQuietMs(view: ClusterView): number | null {
  let next: number | null = null;
  for (const { alarm, subject } of view.alarms.values()) {
    if (alarm === claimedTwiceAlarm) next = Math.min(next ?? Number.POSITIVE_INFINITY, quietAtMs(view, subject));
  }
  return next;
}

function isClaimedTwice(node: NodeView, nowMs: number): boolean {
  return isRefusing(node, nowMs) || isTakenInTurns(node, nowMs);
}

function isRefusing({ refusals }: NodeView, nowMs: number): boolean {
  const last = refusals.at(-1);
  return last !== undefined && parseIsoTime(last.at) + refusedMs > nowMs;
}

function isTakenInTurns({ takeovers }: NodeView, nowMs: number): boolean {
  const [first, last] = [takeovers[0], takeovers.at(-1)];
  if (!first || !last || takeovers.length < takeoversKept) return false;
  return parseIsoTime(last.at) - parseIsoTime(first.at) <= withinMs && parseIsoTime(last.at) + withinMs > nowMs;
}

/** A node that left, or was lost since, is nobody's quarrel. */
function quietAtMs(view: ClusterView, node: string): number {
  const { takeovers = [], refusals = [] } = view.nodes.get(node) ?? {};
  const [takeover, refusal] = [takeovers.at(-1), refusals.at(-1)];
  return Math.max(
    takeover ? parseIsoTime(takeover.at) + withinMs : 0,
    refusal ? parseIsoTime(refusal.at) + refusedMs : 0,
  );
}

function sayClaims(node: NodeView): string {
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

function raise(node: NodeView): Step {
  const { id } = node;
  return {
    subject: { kind: 'node', name: id },
    event: {
      stream: streams.alarms,
      type: 'AlarmRaised',
      data: { alarm: claimedTwiceAlarm, subject: id, message: sayClaims(node).slice(0, messageMax) },
      meta: { actor: controllerActor, causationId: null },
    },
    expect: [],
  };
}

/** The catalogue's bound: host names may have 255 characters each. */
const messageMax = 1_024;

function clear(node: string): Step {
  return {
    subject: { kind: 'node', name: node },
    event: {
      stream: streams.alarms,
      type: 'AlarmCleared',
      data: { alarm: claimedTwiceAlarm, subject: node },
      meta: { actor: controllerActor, causationId: null },
    },
    expect: [],
  };
}
