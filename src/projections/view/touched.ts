/** What events changed something about: the planner's work after them. Collected by evolve, never part of the view. */

import type { ClusterView } from './cluster-view.ts';

/** Names of services and nodes. May hold one that is gone again. */
export type Touched = { readonly services: Set<string>; readonly nodes: Set<string> };

export const nothingTouched = (): Touched => ({ services: new Set(), nodes: new Set() });

export function touchAll(view: ClusterView, touched: Touched): void {
  for (const name of view.services.keys()) touched.services.add(name);
  for (const id of view.nodes.keys()) touched.nodes.add(id);
}

/** Capacity has changed: a service without a place may find one, or lack it for another reason. */
export function touchBlocked(view: ClusterView, touched: Touched): void {
  for (const name of view.blocked) touched.services.add(name);
}
