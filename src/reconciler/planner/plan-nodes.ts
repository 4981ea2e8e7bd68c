/** Owns when a node counts as lost, what that means for its containers, and when so much silence is rather our own. Pure. */

import { streams } from '../../events/schema/event.ts';
import { alarmKey } from '../../projections/view/cluster.ts';
import type { ClusterView, NodeView } from '../../projections/view/cluster-view.ts';
import { controllerActor, failContainer, type Step } from './step.ts';

/** What the heartbeat stream knows, by its own monotonic clock. */
export type LastHeard = {
  /** Silent for longer is lost. */
  timeoutMs: number;
  /** How long a node has been silent in its present session; null = not watched (no leader's grace began yet). */
  silentMs(node: string, session: number): number | null;
  /** How long ago it was really heard in this session, whatever grace was given since; null = not yet. */
  heardAgoMs(node: string, session: number): number | null;
};

/** In fewer nodes than this a majority that vanishes is no sign of our own blindness. */
const holdNodesMin = 3;

/** Nodes that are silent for this share of the time-out count as vanishing together with one that is past it. */
const togetherShare = 0.5;

/** NodeLost and the end of its containers go in one append; the rest of a larger node follows in the next passes. */
const containersPerPassMax = 400;

/** The alarm that stands while the hold does. */
export const massLossAlarm = 'mass node loss';

export function planNodes(view: ClusterView, dirty: ReadonlySet<string>, lastHeard: LastHeard): Step[] {
  const silent: NodeView[] = [];
  const steps: Step[] = [];
  for (const id of dirty) {
    const node = view.nodes.get(id);
    if (!node) continue;
    if (node.state === 'lost') steps.push(...endRest(view, node));
    else if (isSilent(node, lastHeard, 1)) silent.push(node);
  }
  if (silent.length === 0 && !isHeld(view)) return steps;

  const vanished = countVanished(view, lastHeard);
  const isMassLoss = vanished.ready >= holdNodesMin && vanished.silent > vanished.ready / 2;
  if (isMassLoss) return isHeld(view) ? steps : [...steps, raiseHold(vanished)];
  // Whoever is still silent gets a fresh grace period: it may be about to return like the others.
  if (isHeld(view)) return [...steps, ...releaseHold(vanished)];
  return [...steps, ...silent.flatMap((node) => loseNode(view, node, lastHeard))];
}

export const isHeld = (view: ClusterView): boolean => view.alarms.has(alarmKey(massLossAlarm, ''));

/** A node not heard for the time-out gets nothing new, whether it counts as lost yet or the hold keeps it. */
export function isSilentNode(view: ClusterView, lastHeard: LastHeard): (node: NodeView) => boolean {
  const isSilentNow = isHeld(view) ? isUnheard : isSilent;
  return (node) => isSilentNow(node, lastHeard, 1);
}

function isSilent(node: NodeView, lastHeard: LastHeard, share: number): boolean {
  const silentMs = lastHeard.silentMs(node.id, node.session);
  return silentMs !== null && silentMs > lastHeard.timeoutMs * share;
}

/** A fresh grace period is no word from the node: what ends a hold has to be heard. */
function isUnheard(node: NodeView, lastHeard: LastHeard, share: number): boolean {
  const heardAgoMs = lastHeard.heardAgoMs(node.id, node.session);
  return heardAgoMs === null || heardAgoMs > lastHeard.timeoutMs * share;
}

function countVanished(view: ClusterView, lastHeard: LastHeard): { ready: number; silent: number } {
  const hasVanished = isHeld(view) ? isUnheard : isSilent;
  let ready = 0;
  let silent = 0;
  for (const node of view.nodes.values()) {
    if (node.state !== 'ready') continue;
    ready += 1;
    if (hasVanished(node, lastHeard, togetherShare)) silent += 1;
  }
  return { ready, silent };
}

function loseNode(view: ClusterView, node: NodeView, lastHeard: LastHeard): Step[] {
  const silentMs = Math.round(lastHeard.silentMs(node.id, node.session) ?? 0);
  const lost: Step = {
    subject: { kind: 'node', name: node.id },
    event: {
      stream: streams.node(node.id),
      type: 'NodeLost',
      data: { node: node.id, session: node.session, lastHeardAt: node.lastHeardAt, silentMs },
      meta: { actor: controllerActor, causationId: null },
    },
    expect: [{ stream: streams.node(node.id), version: node.version }],
  };
  return [lost, ...endContainers(view, node, { causationId: null, causationIndex: 0 })];
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
  return ids.flatMap((id) => {
    const container = view.containers.get(id);
    if (!container) return [];
    return {
      subject: { kind: 'node', name: node.id },
      event: failContainer(container, 'node lost', `${node.id} is not heard any more`, cause),
      expect: [{ stream: streams.container(id), version: container.version }],
    };
  });
}

function raiseHold({ ready, silent }: { ready: number; silent: number }): Step {
  return {
    subject: { kind: 'cluster', name: '' },
    event: {
      stream: streams.alarms,
      type: 'AlarmRaised',
      data: {
        alarm: massLossAlarm,
        subject: '',
        message: `${silent} of ${ready} nodes fell silent together: their containers are not moved until it is clear why`,
      },
      meta: { actor: controllerActor, causationId: null },
    },
    expect: [],
  };
}

function releaseHold({ ready, silent }: { ready: number; silent: number }): Step[] {
  const meta = { actor: controllerActor, causationId: null };
  const subject = { kind: 'cluster', name: '' } as const;
  return [
    {
      subject,
      event: {
        stream: streams.alarms,
        type: 'HoldReleased',
        data: { reason: `${ready - silent} of the ${ready} nodes that do not count as lost are heard` },
        meta,
      },
      expect: [],
    },
    {
      subject,
      event: { stream: streams.alarms, type: 'AlarmCleared', data: { alarm: massLossAlarm, subject: '' }, meta },
      expect: [],
    },
  ];
}
