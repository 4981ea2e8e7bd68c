/** Plans the loss of nodes that send no heartbeats or whose engine does not answer, and pauses that when so many are silent that the cause is likelier here. Pure. */

import type { EventData } from '../../events/schema/catalog.ts';
import { type NewEvent, streams } from '../../events/schema/event.ts';
import { alarmNames } from '../../model/alarm.ts';
import { alarmKey } from '../../projections/view/cluster.ts';
import type { ClusterView, NodeView } from '../../projections/view/cluster-view.ts';
import { parseIsoTime } from '../../projections/view/iso-time.ts';
import { alarmSteps, clearAlarm, raiseAlarm } from './alarms.ts';
import { controllerActor, failContainer, type Step } from './step.ts';

/** What the heartbeat stream knows, by its own monotonic clock. */
export type HeartbeatStatus = {
  /** Silent for longer is lost. */
  timeoutMs: number;
  /** How long a node has been silent in its present session; null = not watched (no leader's grace began yet). */
  silentMs(node: string, session: number): number | null;
  /** How long ago it was really heard in this session, whatever grace was given since; null = not yet. */
  sinceHeartbeatMs(node: string, session: number): number | null;
};

/** In fewer nodes than this a majority that vanishes is no sign of our own blindness. */
const disruptionNodesMin = 3;

/** Nodes that are silent for this share of the time-out count as vanishing together with one that is past it. */
const togetherShare = 0.5;

/** NodeLost and the end of its containers go in one append; the rest of a larger node follows in the next passes. */
const containersPerPassMax = 400;

/** `holdMs`: rescheduling is paused for so long at most; null: until enough nodes are heard. */
export type NodeTimes = { nowMs: number; holdMs?: number | null };

export function planNodes(
  view: ClusterView,
  touched: ReadonlySet<string>,
  heartbeats: HeartbeatStatus,
  { nowMs, holdMs = null }: NodeTimes,
): Step[] {
  const gone: NodeView[] = [];
  const steps: Step[] = [];
  for (const id of new Set([...touched, ...view.unreachable])) {
    const node = view.nodes.get(id);
    if (!node) continue;
    if (node.state === 'lost') steps.push(...endRest(view, node));
    else if (isSilent(node, heartbeats, 1) || isEngineGone(node, nowMs)) gone.push(node);
    else if (node.silentSince !== null && !isUnheard(node, heartbeats, 1)) steps.push(hearNode(node));
  }
  if (gone.length === 0 && !isDisrupted(view)) return steps;

  const vanished = countVanished(view, heartbeats);
  const isMassLoss = vanished.ready >= disruptionNodesMin && vanished.silent > vanished.ready / 2;
  if (isMassLoss && !isHoldOver(view, { nowMs, holdMs })) {
    return [...steps, ...pauseRescheduling(view, vanished), ...noteSilentNodes(view, heartbeats)];
  }
  const lost = () => gone.flatMap((node) => loseNode(view, node, heartbeats));
  if (!isDisrupted(view)) return [...steps, ...lost()];
  if (isMassLoss) return [...steps, ...lost(), ...resumeRescheduling(view, `it was paused for ${holdMs! / 1_000} s`)];
  // A node that is still silent gets a fresh grace period: it may be about to return like the others.
  const { ready, silent } = vanished;
  const reason = `${ready - silent} of the ${ready} nodes that do not count as lost are heard`;
  return [...steps, ...resumeRescheduling(view, reason)];
}

function isHoldOver(view: ClusterView, { nowMs, holdMs }: Required<NodeTimes>): boolean {
  const hold = view.alarms.get(alarmKey(alarmNames.massNodeLoss, ''));
  return hold !== undefined && holdMs !== null && parseIsoTime(hold.since) + holdMs <= nowMs;
}

/** Only while rescheduling is paused: otherwise a silent node is lost at once. */
function noteSilentNodes(view: ClusterView, heartbeats: HeartbeatStatus): Step[] {
  if (!isDisrupted(view)) return [];
  const silent = [...view.nodes.values()].filter(
    (node) => node.state === 'ready' && node.silentSince === null && isSilent(node, heartbeats, 1),
  );
  return silent.map((node) =>
    nodeStep(node, 'NodeSilent', {
      ...{ node: node.id, session: node.session, lastHeardAt: node.lastHeardAt },
      silentMs: Math.round(heartbeats.silentMs(node.id, node.session) ?? 0),
    }),
  );
}

const hearNode = (node: NodeView): Step => nodeStep(node, 'NodeHeard', { node: node.id, session: node.session });

function nodeStep(node: NodeView, type: 'NodeSilent' | 'NodeHeard' | 'NodeLost', data: EventData<typeof type>): Step {
  const stream = streams.node(node.id);
  return {
    subject: { kind: 'node', name: node.id },
    event: { stream, type, data, meta: { actor: controllerActor, causationId: null } } as NewEvent<typeof type>,
    expect: [{ stream, version: node.version }],
  };
}

/** Rescheduling is paused: too many nodes are silent together. */
export const isDisrupted = (view: ClusterView): boolean => view.disruption === 'partial';

/** A node not heard for the time-out gets no new containers, whether it counts as lost yet or rescheduling is paused. */
export function isSilentNode(view: ClusterView, heartbeats: HeartbeatStatus): (node: NodeView) => boolean {
  const isSilentNow = isDisrupted(view) ? isUnheard : isSilent;
  return (node) => isSilentNow(node, heartbeats, 1);
}

function isSilent(node: NodeView, heartbeats: HeartbeatStatus, share: number): boolean {
  const silentMs = heartbeats.silentMs(node.id, node.session);
  return silentMs !== null && silentMs > heartbeats.timeoutMs * share;
}

/** A fresh grace period is no heartbeat: what ends a disruption has to be heard. */
function isUnheard(node: NodeView, heartbeats: HeartbeatStatus, share: number): boolean {
  const sinceHeartbeatMs = heartbeats.sinceHeartbeatMs(node.id, node.session);
  return sinceHeartbeatMs === null || sinceHeartbeatMs > heartbeats.timeoutMs * share;
}

/** Its engine has not answered for too long, as its agent says, which is heard. */
const isEngineGone = ({ engineLost }: NodeView, nowMs: number): boolean =>
  engineLost !== null && engineLost.deadlineMs <= nowMs;

function countVanished(view: ClusterView, heartbeats: HeartbeatStatus): { ready: number; silent: number } {
  const hasVanished = isDisrupted(view) ? isUnheard : isSilent;
  let ready = 0;
  let silent = 0;
  for (const node of view.nodes.values()) {
    if (node.state !== 'ready') continue;
    ready += 1;
    if (hasVanished(node, heartbeats, togetherShare) || node.engineLost) silent += 1;
  }
  return { ready, silent };
}

function loseNode(view: ClusterView, node: NodeView, heartbeats: HeartbeatStatus): Step[] {
  const silentMs = Math.round(heartbeats.silentMs(node.id, node.session) ?? 0);
  const reason = isSilent(node, heartbeats, 1) ? null : ('engine silent' as const);
  const lost = nodeStep(node, 'NodeLost', {
    ...{ node: node.id, session: node.session, lastHeardAt: node.lastHeardAt, silentMs },
    ...(reason ? { reason } : {}),
  });
  return [lost, ...endContainers(view, { ...node, lossReason: reason }, { causationId: null, causationIndex: 0 })];
}

/** While the node is lost: if it returns first, it says itself what became of them. */
function endRest(view: ClusterView, node: NodeView): Step[] {
  const stillLost = { stream: streams.node(node.id), version: node.version };
  const steps = endContainers(view, node, { causationId: node.latest.eventId });
  return steps.map((step) => ({ ...step, expect: [...step.expect, stillLost] }));
}

function endContainers(
  view: ClusterView,
  node: NodeView,
  cause: { causationId: string | null; causationIndex?: number },
): Step[] {
  const ids = [...node.containers].slice(0, containersPerPassMax);
  const message = node.lossReason
    ? `the engine of ${node.id} does not answer any more`
    : `${node.id} is not heard any more`;
  return ids.flatMap((id) => {
    const container = view.containers.get(id);
    if (!container) return [];
    return {
      subject: { kind: 'node', name: node.id },
      event: failContainer(container, 'node lost', message, cause),
      expect: [{ stream: streams.container(id), version: container.version }],
    };
  });
}

function pauseRescheduling(view: ClusterView, { ready, silent }: { ready: number; silent: number }): Step[] {
  const message = `${silent} of ${ready} nodes fell silent together: their containers are not moved until it is clear why`;
  return alarmSteps(raiseAlarm(view, { alarm: alarmNames.massNodeLoss, message }));
}

function resumeRescheduling(view: ClusterView, reason: string): Step[] {
  const released: Step = {
    subject: { kind: 'cluster', name: '' },
    event: {
      stream: streams.alarms,
      type: 'HoldReleased',
      data: { reason },
      meta: { actor: controllerActor, causationId: null },
    },
    expect: [],
  };
  return [released, ...alarmSteps(clearAlarm(view, { alarm: alarmNames.massNodeLoss }))];
}
