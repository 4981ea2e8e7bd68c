/** Which nodes a global service should be on, and which slot of it each node has. */

import { unmetConstraint } from '../../model/placement.ts';
import type { ClusterView, NodeView, ServiceView } from './cluster-view.ts';

/** Whether its container fits there is for the planner to find out. A cordoned node keeps what it has. Pure. */
export const isNodeWanted = ({ perNode, policy }: ServiceView, node: NodeView): boolean =>
  node.state === 'ready' &&
  (node.availability === 'active' || (node.availability === 'cordoned' && perNode.has(node.id))) &&
  unmetConstraint(node, policy.placement) === undefined;

/** No node that it should be on has it. Pure. */
export function isSlotOfUnwantedNode(view: ClusterView, service: ServiceView, slot: number): boolean {
  const node = view.nodes.get(service.nodeOfSlot?.get(slot) ?? '');
  return !node || !isNodeWanted(service, node);
}

/**
 * Slot → node, for every node that it should be on: the slot that the node has or had, else the smallest that no node has.
 * In the order in which the nodes registered. Pure.
 */
export function wantedSlotNodes(view: ClusterView, service: ServiceView): Map<number, NodeView> {
  const nodeOfSlot = service.nodeOfSlot ?? new Map<number, string>();
  const slotOfNode = new Map([...nodeOfSlot].map(([slot, node]) => [node, slot]));
  const wanted = new Map<number, NodeView>();
  let free = 1;
  for (const node of view.nodes.values()) {
    if (!isNodeWanted(service, node)) continue;
    while (!slotOfNode.has(node.id) && (nodeOfSlot.has(free) || wanted.has(free))) free += 1;
    wanted.set(slotOfNode.get(node.id) ?? free, node);
  }
  return wanted;
}
