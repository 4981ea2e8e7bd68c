/** What one pass of the planner has placed already and the view does not know yet. */

import { type Reservation, reservationOf } from '../../model/resources.ts';
import type { ContainerSpec } from '../../model/service.ts';
import { portKey } from '../../projections/view/engines.ts';

/** On one engine. */
export type Reserved = { memoryBytes: number; cpuMillis: number; hostPorts: Set<string> };

export type Reservations = {
  containersByNode: Map<string, number>;
  byEngine: Map<string, Reserved>;
};

export const noReservations = (): Reservations => ({ containersByNode: new Map(), byEngine: new Map() });

export function countContainer({ containersByNode }: Reservations, node: string): void {
  containersByNode.set(node, (containersByNode.get(node) ?? 0) + 1);
}

/** @param leaving what goes from the node for it: only what it needs beyond that is new */
export function reserve(
  byEngine: Reservations['byEngine'],
  engineId: string,
  spec: ContainerSpec,
  leaving?: ContainerSpec,
): void {
  const engine = byEngine.get(engineId) ?? { memoryBytes: 0, cpuMillis: 0, hostPorts: new Set() };
  const needed = reservationOf(spec.resources);
  const freed = leaving && reservationOf(leaving.resources);
  const more = (what: keyof Reservation) => Math.max(0, (needed[what] ?? 0) - (freed?.[what] ?? 0));
  engine.memoryBytes += more('memoryBytes');
  engine.cpuMillis += more('cpuMillis');
  for (const { host, protocol } of spec.ports) if (host !== null) engine.hostPorts.add(portKey(host, protocol));
  byEngine.set(engineId, engine);
}
