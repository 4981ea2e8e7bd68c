/**
 * Owns noticing that two agents go by one node id: each takes the node from the other, for ever, and the node is never
 * quite there. Pure. A registration does not say which process made it: agents on different machines differ by host name,
 * two on one machine cannot be told from one that keeps losing its session. The alarm says which hosts it was.
 */

import { streams } from '../events/event.ts';
import { alarmKey } from '../projections/cluster.ts';
import { type ClusterView, type NodeView, takeoversKept } from '../projections/cluster-view.ts';
import { parseIsoTime } from '../projections/iso-time.ts';
import { controllerActor, type Step } from './step.ts';

const claimedTwiceAlarm = 'node claimed twice';

/** Two agents take turns within seconds; the alarm is over this long after the last. */
const withinMs = 60_000;

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

function isClaimedTwice({ takeovers }: NodeView, nowMs: number): boolean {
  const [first, last] = [takeovers[0], takeovers.at(-1)];
  if (!first || !last || takeovers.length < takeoversKept) return false;
  return parseIsoTime(last.at) - parseIsoTime(first.at) <= withinMs && parseIsoTime(last.at) + withinMs > nowMs;
}

/** A node that left, or was lost since, is nobody's quarrel. */
function quietAtMs(view: ClusterView, node: string): number {
  const last = view.nodes.get(node)?.takeovers.at(-1);
  return last ? parseIsoTime(last.at) + withinMs : 0;
}

function raise({ id, takeovers }: NodeView): Step {
  const hosts = [...new Set(takeovers.map(({ hostname }) => hostname))];
  const who =
    hosts.length > 1
      ? `by the agents of ${hosts.join(' and ')}`
      : `from ${hosts[0]}: by two agents there, or by one that keeps losing its session`;
  const message = `${id} was taken over ${takeovers.length} times within a minute while it was ready, ${who}`;
  return {
    subject: { kind: 'node', name: id },
    event: {
      stream: streams.alarms,
      type: 'AlarmRaised',
      data: { alarm: claimedTwiceAlarm, subject: id, message: message.slice(0, messageMax) },
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
