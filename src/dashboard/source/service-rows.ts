/** Rows of services for one picture after the other: made again when something was said about the service since. */

import { sortNatural } from '../../projections/rows/order.ts';
import { type ServiceRow, serviceRow } from '../../projections/rows/service-row.ts';
import type { ClusterView, ServiceView } from '../../projections/view/cluster-view.ts';

/** `healthy`: how many containers run and do not fail a check. */
export type ShownService = { row: ServiceRow; healthy: number };

export type ServiceRows = {
  of(view: ClusterView, service: ServiceView): ShownService;
  /** By name in natural order. */
  inOrder(services: ReadonlyMap<string, ServiceView>): ServiceView[];
};

export function createServiceRows(): ServiceRows {
  const known = new WeakMap<ServiceView, ShownService & { position: number }>();
  let names = '';
  let order: string[] = [];

  return {
    of(view, service) {
      const found = known.get(service);
      // Which nodes are silent says something about a service without a fact of its own.
      if (found?.position === service.position && view.unreachable.size === 0) return found;
      const shown = { row: serviceRow(view, service), healthy: countHealthy(view, service) };
      if (view.unreachable.size === 0) known.set(service, { ...shown, position: service.position });
      return shown;
    },
    inOrder(services) {
      const present = [...services.keys()].join(' ');
      if (present !== names) [names, order] = [present, sortNatural(services.keys(), (name) => name)];
      return order.map((name) => services.get(name)!);
    },
  };
}

function countHealthy(view: ClusterView, { slots }: ServiceView): number {
  let healthy = 0;
  for (const slot of slots.values()) {
    for (const id of slot.containers) {
      const container = view.containers.get(id);
      if (container?.state !== 'running') continue;
      if (container.isChecked ? container.health === 'healthy' : container.health !== 'unhealthy') healthy += 1;
    }
  }
  return healthy;
}
