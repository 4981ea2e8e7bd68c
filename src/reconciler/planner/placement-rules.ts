/** What a service's placement policy says about nodes: which will not do, and which come first. Pure. */

import { formatConstraint, type PlacementPolicy, readNodeKey, unmetConstraint } from '../../model/placement.ts';
import type { NodeView } from '../../projections/view/cluster-view.ts';
import type { EngineView } from '../../projections/view/engine-view.ts';
import type { Rejection } from './placement-filters.ts';
import type { Reserved } from './reservations.ts';

/** null: the node meets them all. */
export function rejectionByConstraints(node: NodeView, policy: PlacementPolicy | undefined): Rejection | null {
  const unmet = unmetConstraint(node, policy);
  if (!unmet) return null;
  return { filter: 'constraint', reason: `it does not meet ${formatConstraint(unmet)}`.slice(0, reasonMax) };
}

/** null: a node with so many replicas of the service may have one more. */
export function rejectionByBound(policy: PlacementPolicy | undefined, replicas: number): Rejection | null {
  if (!policy || policy.maxPerNode === null || replicas < policy.maxPerNode) return null;
  return { filter: 'max per node', reason: `it has ${policy.maxPerNode} of the service, as many as a node may` };
}

/** The catalogue's bound on a reason. */
const reasonMax = 200;

/** The value over which replicas are spread first; nodes without it are one domain. */
export const domainOf = (node: NodeView, policy: PlacementPolicy | undefined): string =>
  policy?.spread ? (readNodeKey(node, policy.spread) ?? '') : '';

/** The larger share of memory and CPUs that is reserved on its engine, in percent, whole. */
export function usedPercent(node: NodeView, engine: EngineView, reserved: readonly Reserved[]): number {
  const sum = (what: 'memoryBytes' | 'cpuMillis', held: number) =>
    reserved.reduce((total, more) => total + more[what], held);
  const share = (used: number, of: number) => (of === 0 ? 0 : used / of);
  const memory = share(sum('memoryBytes', engine.memoryReservedBytes), node.engine.memoryBytes);
  const cpu = share(sum('cpuMillis', engine.cpuReservedMillis), node.engine.cpuMillis);
  return Math.round(100 * Math.max(memory, cpu));
}
