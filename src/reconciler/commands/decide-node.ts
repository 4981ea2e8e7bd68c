/** Decides what people ask of nodes. Pure. */

import { AppError } from '../../errors.ts';
import type { EventData } from '../../events/schema/catalog.ts';
import { type NewEvent, streams } from '../../events/schema/event.ts';
import { nodeLabelsMax } from '../../model/node.ts';
import type { ClusterView, NodeView } from '../../projections/view/cluster-view.ts';
import { parseIsoTime } from '../../projections/view/iso-time.ts';
import { type Decision, metaOf, type RequestContext } from './decision.ts';
import { sortByName } from './named-entries.ts';

/** `lost`: an operator knows that the node is gone, before its heartbeats time out or while rescheduling is paused. */
export type NodeAction = 'cordon' | 'drain' | 'activate' | 'lost' | 'remove';

export type NodeRequest =
  | { kind: 'node'; node: string; action: NodeAction }
  /** null takes a label away that was set. */
  | { kind: 'label node'; node: string; labels: Readonly<Record<string, string | null>> };

/** `nodeTimeoutMs`: a node with a heartbeat within this time cannot be declared lost. As the failure detector has it. */
export type DecideSettings = { nodeTimeoutMs: number };

/** @throws AppError `node_not_found` · `node_not_lost` · `node_heard` · `labels_too_many` (details.field, .rule) */
export function decideNode(
  view: ClusterView,
  request: NodeRequest,
  context: RequestContext,
  settings: DecideSettings,
): Decision {
  const node = view.nodes.get(request.node);
  if (!node) throw new AppError('node_not_found', `no node is called ${request.node}`);
  return request.kind === 'node'
    ? changeNode(view, node, request.action, context, settings)
    : labelNode(node, request.labels, context);
}

function labelNode(
  { id, version, setLabels }: NodeView,
  changes: Readonly<Record<string, string | null>>,
  context: RequestContext,
): Decision {
  const byName = new Map(setLabels.map(({ name, value }) => [name, value]));
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) byName.delete(name);
    else byName.set(name, value);
  }
  if (byName.size > nodeLabelsMax) {
    const rule = `at most ${nodeLabelsMax} labels, including those it has already`;
    throw new AppError('labels_too_many', `${id}: ${rule}`, { details: { field: 'labels', rule } });
  }
  const labels = sortByName([...byName].map(([name, value]) => ({ name, value })));
  const stream = streams.node(id);
  return {
    events: [{ stream, type: 'NodeLabelsSet', data: { node: id, labels }, meta: metaOf(context) }],
    expect: [{ stream, version }],
  };
}

const nodeEvents = {
  cordon: 'NodeCordoned',
  drain: 'NodeDrainRequested',
  activate: 'NodeActivated',
  remove: 'NodeRemoved',
} as const;

function changeNode(
  view: ClusterView,
  node: NodeView,
  action: NodeAction,
  context: RequestContext,
  { nodeTimeoutMs }: DecideSettings,
): Decision {
  const { id } = node;
  if (action === 'remove' && (node.state !== 'lost' || node.containers.size > 0)) {
    const message = `${id} is ${node.state} and has ${node.containers.size} containers; only a lost node without any can be removed`;
    throw new AppError('node_not_lost', message);
  }
  const expect = [{ stream: streams.node(id), version: node.version }];
  const head = { stream: streams.node(id), meta: metaOf(context) };
  const event: NewEvent =
    action === 'lost'
      ? { ...head, type: 'NodeLost', data: loseNode(view, node, nodeTimeoutMs) }
      : { ...head, type: nodeEvents[action], data: { node: id } };
  return { events: [event], expect };
}

/** @throws AppError `node_heard` */
function loseNode(
  view: ClusterView,
  { id, session, state, lastHeardAt }: NodeView,
  nodeTimeoutMs: number,
): EventData<'NodeLost'> {
  const silentMs = lastHeardAt === null ? 0 : Math.max(0, parseIsoTime(view.at) - parseIsoTime(lastHeardAt));
  if (state === 'ready' && lastHeardAt !== null && silentMs < nodeTimeoutMs) {
    throw new AppError('node_heard', `${id} sent a heartbeat ${silentMs} ms ago; drain it to take it out of service`);
  }
  return { node: id, session, lastHeardAt, silentMs };
}
