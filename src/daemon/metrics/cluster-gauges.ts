/** Shows the cluster as the view has it when Prometheus asks. Every manager shows the same: take the maximum over them. */

import type { Registry } from 'prom-client';
import type { Clock } from '../../clock.ts';
import { containerStates } from '../../model/container.ts';
import { restartCounts } from '../../projections/rows/restart-counts.ts';
import type { ClusterView, ServiceView } from '../../projections/view/cluster-view.ts';
import { parseIsoTime } from '../../projections/view/iso-time.ts';
import { lacksNode, replicasWanted } from '../../projections/view/replicas-wanted.ts';
import { addGauge, type Sample } from './gauge.ts';

const nodeStates = ['ready', 'lost'] as const;

export function addClusterGauges(
  registers: Registry[],
  { view, clock }: { view: ClusterView; clock: Pick<Clock, 'nowMs'> },
): void {
  const add = (name: string, help: string, read: () => number) =>
    addGauge({ name, help, registers }, () => [{ value: read() }]);
  const addBy = (label: string, name: string, help: string, read: () => Iterable<Sample>) =>
    addGauge({ name, help, labelNames: [label], registers }, read);

  add('co_services', 'Services in the desired state.', () => view.services.size);
  add('co_services_blocked', 'Services with replicas that no node can take.', () => countBlocked(view));
  add('co_replicas_wanted', 'Replicas in the desired state.', () =>
    Array.from(view.services.values(), replicasWanted).reduce((sum, replicas) => sum + replicas, 0),
  );
  addBy('service', 'co_service_replicas_wanted', 'Replicas in the desired state of a service.', () =>
    samplesByService(view, replicasWanted),
  );
  addBy('service', 'co_service_replicas_running', 'Containers of a service in state running.', () =>
    samplesByService(view, ({ running }) => running),
  );
  addBy(
    'service',
    'co_service_restarts_last_hour',
    'Runs of a service that ended by themselves or became unhealthy in the last hour of log time.',
    () => samplesByService(view, (service) => restartCounts(view, service).restartsLastHour),
  );
  addBy('state', 'co_containers', 'Containers by state; ended ones for an hour.', () =>
    samplesByState(containerStates, view.containers.values()),
  );
  addBy('state', 'co_nodes', 'Nodes by state.', () => samplesByState(nodeStates, view.nodes.values()));
  addBy('node', 'co_node_heartbeat_age_seconds', "Time since a node's last heartbeat in the log.", () =>
    heartbeatAges(view, clock.nowMs()),
  );
  add('co_alarms', 'Active alarms.', () => view.alarms.size);
}

const countBlocked = ({ blocked, services }: ClusterView): number =>
  [...blocked].filter((name) => lacksNode(services.get(name)!)).length;

const samplesByService = (view: ClusterView, read: (service: ServiceView) => number): Sample[] =>
  Array.from(view.services.values(), (service) => ({ labels: { service: service.name }, value: read(service) }));

function samplesByState<S extends string>(states: readonly S[], items: Iterable<{ state: S }>): Sample[] {
  const counts = new Map(states.map((state) => [state, 0]));
  for (const { state } of items) counts.set(state, (counts.get(state) ?? 0) + 1);
  return Array.from(counts, ([state, value]) => ({ labels: { state }, value }));
}

/** Never below zero: the clock of the manager that recorded the heartbeat may be ahead of this one's. */
function* heartbeatAges(view: ClusterView, nowMs: number): Iterable<Sample> {
  for (const { id, lastHeardAt } of view.nodes.values()) {
    if (lastHeardAt === null) continue;
    yield { labels: { node: id }, value: Math.max(0, nowMs - parseIsoTime(lastHeardAt)) / 1_000 };
  }
}
