/** The nodes of a view with what is on each, in the order they are shown. Pure. */

import { isTerminal } from '../../model/container-machine.ts';
import { compareNames, sortNatural } from '../../projections/rows/order.ts';
import type { ClusterView, ContainerView, NodeView } from '../../projections/view/cluster-view.ts';

export type Column = { node: NodeView; containers: ContainerView[] };

/** What has ended stays in sight for so long, so that it is seen how. */
const endedShownMs = 60_000;

/** By name in natural order; containers by service and slot. */
export function columnsOf(view: ClusterView, nowMs: number): Column[] {
  const columns = new Map<string, Column>();
  for (const node of inOrder(view.nodes)) columns.set(node.id, { node, containers: [] });
  const oldest = new Date(nowMs - endedShownMs).toISOString();
  for (const container of view.containers.values()) {
    if (isTerminal(container.state) && container.since < oldest) continue;
    columns.get(container.node)?.containers.push(container);
  }
  for (const { containers } of columns.values()) containers.sort(bySlot);
  return [...columns.values()];
}

const bySlot = (a: ContainerView, b: ContainerView) =>
  compareNames(a.service, b.service) || a.slot - b.slot || a.queuedPosition - b.queuedPosition;

let known: { names: string; order: string[] } = { names: '', order: [] };

/** Names change rarely, and their natural order costs more than all the rest. */
function inOrder(nodes: ReadonlyMap<string, NodeView>): NodeView[] {
  const names = [...nodes.keys()].join(' ');
  if (names !== known.names) known = { names, order: sortNatural(nodes.keys(), (id) => id) };
  return known.order.map((id) => nodes.get(id)!);
}
