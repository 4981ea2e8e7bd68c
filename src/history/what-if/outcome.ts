/** What becomes of each service in a what-if: its status before and after, and what moved on the way. */

import type { LogEvent } from '../../events/schema/event.ts';
import { alarmNames } from '../../model/alarm.ts';
import type { ServiceStatus } from '../../model/status-charts.ts';
import { sortNatural } from '../../projections/rows/order.ts';
import { serviceRow } from '../../projections/rows/service-row.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';
import { parseIsoTime } from '../../projections/view/iso-time.ts';

export type Standing = {
  replicas: number;
  running: number;
  status: ServiceStatus;
  /** A sentence; null when converged. */
  reason: string | null;
  image: string;
  generation: number;
  /** Containers that have not ended, by node, in natural order. */
  nodes: { node: string; containers: number }[];
};

export type ServiceOutcome = {
  service: string;
  before: Standing;
  /** null: it is removed. */
  after: Standing | null;
  /** Slots whose container is on another node than before. */
  moved: number;
  /** Containers placed and asked to stop on the way. */
  placed: number;
  stopped: number;
  /** Nothing followed for it. */
  isUntouched: boolean;
  /** Since when a replica has no place in the end, 0 when that was so before; null when all have one. */
  blockedAfterMs: number | null;
};

/** How it was, taken before anything happens: the view goes on in place. */
export type Before = {
  atMs: number;
  services: ReadonlyMap<string, { standing: Standing; nodeOfSlot: ReadonlyMap<number, string> }>;
};

export function describeBefore(view: ClusterView): Before {
  const services = [...view.services.keys()].map(
    (name) => [name, { standing: standingOf(view, name)!, nodeOfSlot: nodesOfSlots(view, name) }] as const,
  );
  return { atMs: parseIsoTime(view.at), services: new Map(services) };
}

/** Counts, while it happens, what the end does not show. */
export type Tally = {
  add(event: LogEvent): void;
  outcomes(view: ClusterView, before: Before): ServiceOutcome[];
};

const requests: ReadonlySet<string> = new Set([
  'ServiceRequested',
  'ServiceScaled',
  'ServiceRemovalRequested',
  'NodeDrainRequested',
]);

/** What was asked for is none, nor are alarms that keep nothing from moving: some of them end by themselves. */
export function isConsequence(event: LogEvent): boolean {
  if (event.type === 'AlarmRaised' || event.type === 'AlarmCleared')
    return event.data.alarm === alarmNames.massNodeLoss;
  return !requests.has(event.type);
}

export function createTally(): Tally {
  const counts = new Map<string, { placed: number; stopped: number }>();
  return {
    add(event) {
      const { service } = event.data as { service?: string };
      if (service === undefined || !isConsequence(event)) return;
      const count = counts.get(service) ?? { placed: 0, stopped: 0 };
      counts.set(service, count);
      if (event.type === 'ContainerQueued') count.placed += 1;
      if (event.type === 'ContainerStopRequested') count.stopped += 1;
    },
    outcomes(view, before) {
      return sortNatural([...before.services.keys()], (name) => name).map((service) => {
        const { standing, nodeOfSlot } = before.services.get(service)!;
        const after = standingOf(view, service);
        const count = counts.get(service);
        return {
          service,
          before: standing,
          after,
          moved: countMoved(nodeOfSlot, nodesOfSlots(view, service)),
          placed: count?.placed ?? 0,
          stopped: count?.stopped ?? 0,
          isUntouched: count === undefined,
          blockedAfterMs: blockedAfterMs(view, service, before.atMs),
        };
      });
    },
  };
}

function standingOf(view: ClusterView, name: string): Standing | null {
  const service = view.services.get(name);
  if (!service) return null;
  const { replicas, running, status, reason, image, generation } = serviceRow(view, service);
  const nodes = [...service.perNode].map(([node, containers]) => ({ node, containers }));
  return { replicas, running, status, reason, image, generation, nodes: sortNatural(nodes, ({ node }) => node) };
}

/** Where the newest container of each slot is. */
function nodesOfSlots(view: ClusterView, name: string): Map<number, string> {
  const nodes = new Map<number, string>();
  for (const { slot, containers } of view.services.get(name)?.slots.values() ?? []) {
    const newest = [...containers].at(-1);
    if (newest !== undefined) nodes.set(slot, view.containers.get(newest)!.node);
  }
  return nodes;
}

function countMoved(before: ReadonlyMap<number, string>, after: ReadonlyMap<number, string>): number {
  return [...before].filter(([slot, node]) => after.has(slot) && after.get(slot) !== node).length;
}

function blockedAfterMs(view: ClusterView, name: string, startedMs: number): number | null {
  const blocked = view.services.get(name)?.blocked;
  return blocked ? Math.max(0, parseIsoTime(blocked.since) - startedMs) : null;
}
