/** Owns what machines ask: alive, ready, and how much of everything. Not API calls, so not in the log; open to all. */

import { containerStates } from '../../model/container.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';
import type { ControlPlaneStatus } from '../response/status.ts';
import type { HttpDeps, Server } from './route.ts';

export function addHealthRoutes(server: Server, { projector, status }: Pick<HttpDeps, 'projector' | 'status'>): void {
  const open = { scope: 'open', isRecorded: false } as const;

  server.get('/healthz', { config: open, schema: { summary: 'The process answers' } }, () => ({ status: 'ok' }));

  server.get('/readyz', { config: open, schema: { summary: 'This manager can serve' } }, (_request, reply) => {
    const { ready, notReady } = status();
    return reply.code(ready ? 200 : 503).send({ ready, notReady });
  });

  server.get(
    '/metrics',
    { config: { scope: 'read', isRecorded: false }, schema: { summary: 'Counts in the text format of Prometheus' } },
    (_request, reply) =>
      reply
        .header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
        .send(renderMetrics(projector.view, status())),
  );
}

type Sample = { labels?: Record<string, string>; value: number };

/** Names follow Prometheus: the unit or `_total` last, one metric a question. */
function renderMetrics(view: ClusterView, { ready, leader, bus, log }: ControlPlaneStatus): string {
  const nodes = [...view.nodes.values()];
  const containers = Map.groupBy(view.containers.values(), ({ state }) => state);
  const states = ['ready', 'lost'].map((state) => ({
    labels: { state },
    value: nodes.filter((node) => node.state === state).length,
  }));
  return [
    gauge('co_position', 'Position of the last event folded.', [{ value: view.position }]),
    gauge('co_fact_position', 'Position of the last fact folded.', [{ value: view.factPosition }]),
    gauge('co_services', 'Services in the desired state.', [{ value: view.services.size }]),
    gauge('co_replicas_wanted', 'Replicas in the desired state.', [
      { value: sum(view.services.values(), (s) => s.replicas) },
    ]),
    gauge('co_services_blocked', 'Services that find no node.', [{ value: view.blocked.size }]),
    gauge(
      'co_containers',
      'Containers by state; ended ones for an hour.',
      containerStates.map((state) => ({ labels: { state }, value: containers.get(state)?.length ?? 0 })),
    ),
    gauge('co_nodes', 'Nodes by state.', states),
    gauge('co_alarms', 'Alarms that stand.', [{ value: view.alarms.size }]),
    gauge('co_term', 'Term of the present leadership.', [{ value: leader?.term ?? 0 }]),
    gauge('co_is_leader', '1: this manager leads.', [{ value: Number(leader?.isSelf ?? false) }]),
    gauge('co_ready', '1: this manager can serve.', [{ value: Number(ready) }]),
    gauge('co_log_up', '1: the log answers.', [{ value: Number(log.trouble === null) }]),
    gauge('co_bus_up', '1: the bus is connected.', [{ value: Number(bus.state === 'connected') }]),
    gauge('co_resident_memory_bytes', 'Memory of this process.', [{ value: process.memoryUsage.rss() }]),
  ].join('');
}

function gauge(name: string, help: string, samples: Sample[]): string {
  const lines = samples.map(({ labels, value }) => {
    const inner = Object.entries(labels ?? {}).map(([key, text]) => `${key}="${text}"`);
    return `${name}${inner.length > 0 ? `{${inner.join(',')}}` : ''} ${value}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${lines.join('')}`;
}

function sum<T>(items: Iterable<T>, of: (item: T) => number): number {
  let total = 0;
  for (const item of items) total += of(item);
  return total;
}
