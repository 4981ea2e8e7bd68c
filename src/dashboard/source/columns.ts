/** The nodes of a view with what is on each, in the order they are shown. Pure. */

import { isTerminal } from '../../model/container-machine.ts';
import { compareNames, sortNatural } from '../../projections/rows/order.ts';
import type { ClusterView, ContainerView, NodeView } from '../../projections/view/cluster-view.ts';

/** `containers`: in no order; see `sortBySlot`. */
export type Column = { node: NodeView; containers: readonly ContainerView[] };

/** What has ended stays in sight for so long, so that it is seen how. */
const endedShownMs = 60_000;

/** By name in natural order. */
export function columnsOf(view: ClusterView, nowMs: number): Column[] {
  const onNode = new Map<string, ContainerView[]>();
  const columns = inOrder(view.nodes).map((node) => {
    const containers: ContainerView[] = [];
    onNode.set(node.id, containers);
    return { node, containers };
  });
  const oldest = new Date(nowMs - endedShownMs).toISOString();
  for (const container of view.containers.values()) {
    if (isTerminal(container.state) && container.since < oldest) continue;
    onNode.get(container.node)?.push(container);
  }
  return columns;
}

/** As they are shown: by service and slot. For those in sight alone, for of a large cluster most are not. */
export const sortBySlot = ({ containers }: Column): ContainerView[] =>
  containers.toSorted(
    (a, b) => compareNames(a.service, b.service) || a.slot - b.slot || a.queuedPosition - b.queuedPosition,
  );

let known: { names: string; order: string[] } = { names: '', order: [] };

/** Names change rarely, and their natural order costs more than all the rest. */
function inOrder(nodes: ReadonlyMap<string, NodeView>): NodeView[] {
  const names = [...nodes.keys()].join(' ');
  if (names !== known.names) known = { names, order: sortNatural(nodes.keys(), (id) => id) };
  return known.order.map((id) => nodes.get(id)!);
}
