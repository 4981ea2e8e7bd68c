/** Computes from scratch what the fold maintains step by step: the second opinion on the view's indexes. */

import { isTerminal } from '../../../src/model/container-machine.ts';
import { reservationOf } from '../../../src/model/resources.ts';
import type { ClusterView } from '../../../src/projections/view/cluster-view.ts';

type ServiceIndex = { perNode: Record<string, number>; live: number; running: number; runningCurrent: number };
type EngineIndex = {
  nodes: string[];
  containers: number;
  memory: number;
  cpu: number;
  hostPorts: Record<string, string>;
};

export type Indexes = {
  services: Record<string, ServiceIndex>;
  slots: Record<string, string[]>;
  nodes: Record<string, string[]>;
  engines: Record<string, EngineIndex>;
  ended: string[];
  queued: string[];
  delayed: Record<string, number[]>;
  blocked: string[];
};

/** As the view has them. */
export function readIndexes(view: ClusterView): Indexes {
  const services = [...view.services.values()];
  return {
    services: record(services, ({ name, perNode, live, running, runningCurrent }) => [
      name,
      { perNode: Object.fromEntries([...perNode].sort()), live, running, runningCurrent },
    ]),
    slots: record(
      services.flatMap((service) => [...service.slots.values()].map((slot) => ({ service, slot }))),
      ({ service, slot }) => [`${service.name}.${slot.slot}`, [...slot.containers]],
    ),
    nodes: record(view.nodes.values(), ({ id, containers }) => [id, [...containers].sort()]),
    engines: record(view.engines.values(), (engine) => [
      engine.engineId,
      {
        nodes: [...engine.nodes].sort(),
        containers: engine.containers,
        memory: engine.memoryReservedBytes,
        cpu: engine.cpuReservedMillis,
        hostPorts: Object.fromEntries([...engine.hostPorts].sort()),
      },
    ]),
    ended: [...view.ended],
    queued: [...view.queued],
    delayed: record(view.delayed, ([name, slots]) => [name, [...slots].sort((a, b) => a - b)]),
    blocked: [...view.blocked].sort(),
  };
}

/** As they must be, from the containers, services and nodes alone. */
export function recomputeIndexes(view: ClusterView): Indexes {
  const containers = [...view.containers.values()].sort((a, b) => a.queuedPosition - b.queuedPosition);
  const live = containers.filter(({ state }) => !isTerminal(state));
  const services = [...view.services.values()];
  const engineIds = new Set([
    ...[...view.nodes.values()].map(({ engine }) => engine.engineId),
    ...live.map(({ engineId }) => engineId),
  ]);
  return {
    services: record(services, ({ name, specHash }) => {
      const own = live.filter(({ service }) => service === name);
      const running = own.filter(({ state }) => state === 'running');
      return [
        name,
        {
          perNode: count(own.map(({ node }) => node)),
          live: own.length,
          running: running.length,
          runningCurrent: running.filter((container) => container.specHash === specHash).length,
        },
      ];
    }),
    slots: record(
      services.flatMap((service) => [...service.slots.values()].map((slot) => ({ service, slot }))),
      ({ service, slot }) => [
        `${service.name}.${slot.slot}`,
        live.filter((c) => c.service === service.name && c.slot === slot.slot).map(({ id }) => id),
      ],
    ),
    nodes: record(view.nodes.values(), ({ id }) => [
      id,
      live
        .filter(({ node }) => node === id)
        .map((c) => c.id)
        .sort(),
    ]),
    engines: record(engineIds, (engineId) => {
      const own = live.filter((container) => container.engineId === engineId);
      const ports = own.flatMap(({ id, spec }) =>
        spec.ports
          .filter(({ host }) => host !== null)
          .map(({ host, protocol }) => [`${host}/${protocol}`, id] as const),
      );
      return [
        engineId,
        {
          nodes: [...view.nodes.values()]
            .filter(({ engine }) => engine.engineId === engineId)
            .map(({ id }) => id)
            .sort(),
          containers: own.length,
          memory: own.reduce((sum, { spec }) => sum + (reservationOf(spec.resources).memoryBytes ?? 0), 0),
          cpu: own.reduce((sum, { spec }) => sum + (reservationOf(spec.resources).cpuMillis ?? 0), 0),
          hostPorts: Object.fromEntries(ports.sort()),
        },
      ];
    }),
    ended: containers
      .filter(({ state }) => isTerminal(state))
      .sort((a, b) => a.latest.position - b.latest.position)
      .map(({ id }) => id),
    queued: containers.filter(({ state }) => state === 'in queue').map(({ id }) => id),
    delayed: record(
      services.filter(({ slots }) => [...slots.values()].some(({ delayedUntilMs }) => delayedUntilMs !== null)),
      ({ name, slots }) => [
        name,
        [...slots.values()]
          .filter(({ delayedUntilMs }) => delayedUntilMs !== null)
          .map(({ slot }) => slot)
          .sort((a, b) => a - b),
      ],
    ),
    blocked: services
      .filter(({ blocked }) => blocked !== null)
      .map(({ name }) => name)
      .sort(),
  };
}

function record<T, V>(items: Iterable<T>, entryOf: (item: T) => [string, V]): Record<string, V> {
  return Object.fromEntries(Array.from(items, entryOf).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function count(names: string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names.sort()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
