/** How node events change the view. */

import type { LogEvent } from '../../events/schema/event.ts';
import { noHostAccess } from '../../model/host-access.ts';
import type { Availability, NodeLabels } from '../../model/node.ts';
import { type ClusterView, type NodeView, refusalsKept, takeoversKept } from './cluster-view.ts';
import { attachNode, compareNodes, detachNode } from './engines.ts';
import { followNodes, forgetNode } from './global-slots.ts';
import { causeOf, type Handlers, illegal } from './handlers.ts';
import { parseIsoTime } from './iso-time.ts';
import { type Touched, touchBlocked } from './touched.ts';

export const nodeHandlers = {
  NodeRegistered: register,
  NodeReturned: register,

  RegistrationRefused(view, event, touched) {
    const { instance, hostname } = event.data;
    const node = view.nodes.get(event.data.node) ?? illegal(event, 'the node is unknown');
    const others = node.refusals.filter((refusal) => refusal.instance.id !== instance.id);
    node.refusals = [...others, { instance, hostname, at: event.at }].slice(-refusalsKept);
    node.version = event.version;
    node.latest = causeOf(event);
    node.position = event.position;
    touched.nodes.add(node.id);
  },

  NodeLost(view, event, touched) {
    const node = changeNode(view, event, touched);
    if (node.state !== 'lost') node.since = event.at;
    node.state = 'lost';
    node.lossReason = event.data.reason ?? null;
    noteReach(view, node, { engineLost: null, silentSince: null });
    compareNodes(view, node.engine.engineId);
    followNodes(view, event, touched);
  },

  EngineLost(view, event, touched) {
    const { message, deadline } = event.data;
    const node = changeNode(view, event, touched);
    noteReach(view, node, { engineLost: { since: event.at, message, deadlineMs: parseIsoTime(deadline) } });
  },
  EngineReturned(view, event, touched) {
    noteReach(view, changeNode(view, event, touched), { engineLost: null });
  },
  NodeSilent(view, event, touched) {
    noteReach(view, changeNode(view, event, touched), { silentSince: event.data.lastHeardAt ?? event.at });
  },
  NodeHeard(view, event, touched) {
    noteReach(view, changeNode(view, event, touched), { silentSince: null });
  },

  NodeCordoned: (view, event, touched) => setAvailability(view, event, 'cordoned', touched),
  NodeDrainRequested: (view, event, touched) => setAvailability(view, event, 'draining', touched),
  NodeActivated: (view, event, touched) => setAvailability(view, event, 'active', touched),

  NodeLabelsSet(view, event, touched) {
    const node = changeNode(view, event, touched);
    node.setLabels = event.data.labels;
    node.labels = mergeLabels(node.agentLabels, node.setLabels);
    followNodes(view, event, touched);
  },

  NodeRemoved(view, event, touched) {
    const node = changeNode(view, event, touched);
    view.nodes.delete(node.id);
    view.unreachable.delete(node.id);
    touched.nodes.delete(node.id);
    view.removedNodes.set(node.id, { version: event.version });
    detachNode(view, node.id, node.engine.engineId);
    forgetNode(view, node.id);
    followNodes(view, event, touched);
  },

  StaleContainerRemoved(view, event) {
    const node = view.nodes.get(event.data.node);
    if (!node) {
      // There are logs where it came just after the node's removal. The stream went on, nothing else did.
      view.removedNodes.set(event.data.node, { version: event.version });
      return;
    }
    node.version = event.version;
    node.latest = causeOf(event);
    node.position = event.position;
  },

  HeartbeatsReceived(view, event) {
    for (const { node: id, session, at } of event.data.heartbeats) {
      const node = view.nodes.get(id);
      if (node && node.session === session) node.lastHeardAt = at;
    }
  },
} satisfies Partial<Handlers>;

type NodeFact =
  | 'NodeRegistered'
  | 'NodeReturned'
  | 'NodeLost'
  | 'EngineLost'
  | 'EngineReturned'
  | 'NodeSilent'
  | 'NodeHeard'
  | 'NodeCordoned'
  | 'NodeDrainRequested'
  | 'NodeActivated'
  | 'NodeRemoved'
  | 'NodeLabelsSet';

function register(
  view: ClusterView,
  event: LogEvent<'NodeRegistered'> | LogEvent<'NodeReturned'>,
  touched: Touched,
): void {
  const { node: id, registrationId, instance = null, publicKey = null, hostAccess = noHostAccess } = event.data;
  const { engine, hostname, agentVersion, labels } = event.data;
  const known = view.nodes.get(id);
  if (known && known.engine.engineId !== engine.engineId) detachNode(view, id, known.engine.engineId);
  const node: NodeView = {
    id,
    state: 'ready',
    availability: known?.availability ?? 'active',
    engine,
    hostname,
    agentVersion,
    labels: mergeLabels(labels, known?.setLabels ?? []),
    agentLabels: labels,
    setLabels: known?.setLabels ?? [],
    session: event.position,
    registrationId,
    hostAccess,
    instance,
    publicKey,
    startErrors: [],
    suspect: null,
    ...{ engineLost: null, silentSince: null, lossReason: null },
    refusals: known && instance && known.instance?.id === instance.id ? known.refusals : [],
    takeovers: takeoversOf(known, event),
    latest: causeOf(event),
    version: event.version,
    since: known?.state === 'ready' ? known.since : event.at,
    containers: known?.containers ?? new Set(),
    position: event.position,
    lastHeardAt: event.at,
  };
  view.nodes.set(id, node);
  if (view.unreachable.delete(id)) moveServices(view, node);
  view.removedNodes.delete(id);
  attachNode(view, node, touched);
  changeNode(view, event, touched);
  followNodes(view, event, touched);
}

function noteReach(
  view: ClusterView,
  node: NodeView,
  change: Partial<Pick<NodeView, 'engineLost' | 'silentSince'>>,
): void {
  const wasUnreachable = view.unreachable.has(node.id);
  Object.assign(node, change);
  if (node.engineLost || node.silentSince !== null) view.unreachable.add(node.id);
  else view.unreachable.delete(node.id);
  if (wasUnreachable || view.unreachable.has(node.id)) moveServices(view, node);
}

/** What is said about the services on the node is of its latest fact. */
function moveServices(view: ClusterView, { containers, position }: NodeView): void {
  for (const id of containers) {
    const service = view.services.get(view.containers.get(id)?.service ?? '');
    if (service) service.position = position;
  }
}

/** Sorted by name. */
function mergeLabels(ofAgent: NodeLabels, set: NodeLabels): NodeLabels {
  const byName = new Map([...ofAgent, ...set].map((label) => [label.name, label]));
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** One that is raised twice is one. */
function takeoversOf(
  known: NodeView | undefined,
  { at, data: { registrationId, hostname } }: LogEvent<'NodeRegistered'> | LogEvent<'NodeReturned'>,
): NodeView['takeovers'] {
  if (known?.state !== 'ready') return [];
  if (known.takeovers.at(-1)?.registrationId === registrationId) return known.takeovers;
  return [...known.takeovers, { registrationId, hostname, at }].slice(-takeoversKept);
}

function setAvailability(
  view: ClusterView,
  event: LogEvent<'NodeCordoned'> | LogEvent<'NodeDrainRequested'> | LogEvent<'NodeActivated'>,
  availability: Availability,
  touched: Touched,
): void {
  const node = changeNode(view, event, touched);
  node.availability = availability;
  node.since = event.at;
  followNodes(view, event, touched);
}

/**
 * Every fact of a node touches the node, the services on it and the services that found no place. A node that can take
 * less concerns the latter too: why they have no place has changed.
 */
function changeNode(view: ClusterView, event: LogEvent<NodeFact>, touched: Touched): NodeView {
  const node = view.nodes.get(event.data.node);
  if (!node) illegal(event, 'the node is unknown');
  node.version = event.version;
  node.latest = causeOf(event);
  node.position = event.position;
  touched.nodes.add(node.id);
  for (const id of node.containers) {
    const container = view.containers.get(id);
    if (container) touched.services.add(container.service);
  }
  touchBlocked(view, touched);
  return node;
}
