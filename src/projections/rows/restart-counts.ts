/**
 * How often the slots of a service restarted in the last hour. Shown beside its row and no part of it: the counts fall as
 * log time passes, without a fact that names the service. Pure.
 */

import type { ClusterView, ServiceView } from '../view/cluster-view.ts';
import { restartsLastHour } from '../view/restarts.ts';

export type SlotRestarts = { slot: number; restarts: number };

export type RestartCounts = {
  /** Of all its slots. */
  restartsLastHour: number;
  /** The slot with the most, the lowest of several; null: none restarted. */
  worstSlot: SlotRestarts | null;
};

/** Of the slots that restarted, by number. */
export function slotRestarts({ at }: ClusterView, { slots }: ServiceView): SlotRestarts[] {
  const counted: SlotRestarts[] = [];
  for (const { slot, restarts } of slots.values()) {
    const count = restartsLastHour(restarts, at);
    if (count > 0) counted.push({ slot, restarts: count });
  }
  return counted.sort((a, b) => a.slot - b.slot);
}

export function restartCounts(view: ClusterView, service: ServiceView): RestartCounts {
  let total = 0;
  let worst: SlotRestarts | null = null;
  for (const counted of slotRestarts(view, service)) {
    total += counted.restarts;
    if (counted.restarts > (worst?.restarts ?? 0)) worst = counted;
  }
  return { restartsLastHour: total, worstSlot: worst };
}
