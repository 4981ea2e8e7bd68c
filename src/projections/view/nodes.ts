/** How node events change the view. */

import type { LogEvent } from '../../events/schema/event.ts';
import type { Availability } from '../../model/node.ts';
import { type ClusterView, type NodeView, refusalsKept, takeoversKept } from './cluster-view.ts';
import { attachNode, compareNodes, detachNode } from './engines.ts';
import { causeOf, type Handlers, illegal } from './handlers.ts';
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
    compareNodes(view, node.engine.engineId);
  },

  NodeCordoned: (view, event, touched) => setAvailability(view, event, 'cordoned', touched),
  NodeDrainRequested: (view, event, touched) => setAvailability(view, event, 'draining', touched),
  NodeActivated: (view, event, touched) => setAvailability(view, event, 'active', touched),

  NodeRemoved(view, event, touched) {
    const node = changeNode(view, event, touched);
    view.nodes.delete(node.id);
    touched.nodes.delete(node.id);
    view.removedNodes.set(node.id, { version: event.version });
    detachNode(view, node.id, node.engine.engineId);
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
  | 'NodeCordoned'
  | 'NodeDrainRequested'
  | 'NodeActivated'
  | 'NodeRemoved';

function register(
  view: ClusterView,
  event: LogEvent<'NodeRegistered'> | LogEvent<'NodeReturned'>,
  touched: Touched,
): void {
  const { node: id, instance = null, publicKey = null, engine, hostname, agentVersion, labels } = event.data;
  const known = view.nodes.get(id);
  if (known && known.engine.engineId !== engine.engineId) detachNode(view, id, known.engine.engineId);
  const node: NodeView = {
    id,
    state: 'ready',
    availability: known?.availability ?? 'active',
    engine,
    hostname,
    agentVersion,
    labels,
    session: event.position,
    instance,
    publicKey,
    startErrors: [],
    suspect: null,
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
  view.removedNodes.delete(id);
  attachNode(view, node, touched);
  changeNode(view, event, touched);
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
