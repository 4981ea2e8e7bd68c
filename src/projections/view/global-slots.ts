/** How global services follow the nodes. */

import type { LogEvent } from '../../events/schema/event.ts';
import type { ClusterView, ServiceView } from './cluster-view.ts';
import { isNodeWanted, isSlotOfUnwantedNode } from './node-slots.ts';
import { setDelay } from './slots.ts';
import type { Touched } from './touched.ts';

/** Its replicas are the nodes that it should be on. @returns false: they are as many as before */
export function countNodes(view: ClusterView, service: ServiceView): boolean {
  let count = 0;
  if (!service.removing) for (const node of view.nodes.values()) if (isNodeWanted(service, node)) count += 1;
  const isChanged = count !== service.replicas;
  service.replicas = count;
  for (const slot of service.slots.values()) {
    if (slot.delayedUntilMs !== null && isSlotOfUnwantedNode(view, service, slot.slot))
      setDelay(view, service, slot, null);
  }
  return isChanged;
}

/** A node came, went, or takes other containers than before: global services follow. */
export function followNodes(view: ClusterView, event: LogEvent, touched: Touched): void {
  for (const name of view.global) {
    const service = view.services.get(name)!;
    if (countNodes(view, service)) service.position = event.position;
    touched.services.add(name);
  }
}

/** Its slots may be another node's. */
export function forgetNode(view: ClusterView, node: string): void {
  for (const name of view.global) {
    const { nodeOfSlot } = view.services.get(name)!;
    for (const [slot, id] of nodeOfSlot ?? []) if (id === node) nodeOfSlot!.delete(slot);
  }
}
