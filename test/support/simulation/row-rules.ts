/**
 * What rows of services promise to whoever stores them: they change only by a fact that names them or a node they are on,
 * and carry its position.
 */

import { ok } from 'node:assert';
import { isDeepStrictEqual } from 'node:util';
import { type ServiceRow, serviceRow } from '../../../src/projections/rows/service-row.ts';
import { emptyClusterView } from '../../../src/projections/view/cluster-view.ts';
import { evolve } from '../../../src/projections/view/evolve.ts';
import type { SimulatedCluster } from './simulated-cluster.ts';

export function assertRowsFollow({ events }: SimulatedCluster, because: string): void {
  const view = emptyClusterView();
  const rows = new Map<string, ServiceRow>();
  for (const event of events) {
    evolve(view, event);
    const { service, node } = event.data as { service?: string; node?: string };
    for (const name of view.services.keys()) {
      const row = serviceRow(view, view.services.get(name)!);
      const before = rows.get(name);
      rows.set(name, row);
      if (!before || isDeepStrictEqual(row, before)) continue;
      const isOfNode = view.global.has(name) || view.services.get(name)!.perNode.has(node ?? '');
      const isNamed = service === name || (node !== undefined && service === undefined && isOfNode);
      ok(isNamed, `${event.type} at ${event.position} does not name ${name}, ${because}`);
      ok(row.position === event.position, `${event.type} at ${event.position} changes ${name}, ${because}`);
    }
  }
}
