/** Shows how this manager is: leadership, its log and bus, and how far its view is behind the log. */

import type { Registry } from 'prom-client';
import { settledWithin } from '../../concurrency/deadline.ts';
import type { EventLog, LogHead } from '../../events/log/event-log.ts';
import type { ControlPlaneStatus } from '../../http/response/status.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';
import { addGauge } from './gauge.ts';

/** A scrape is given up after ten seconds by default; a log that is away must not take the other metrics with it. */
const headDeadlineMs = 1_000;

type Deps = { log: Pick<EventLog, 'head'>; view: ClusterView; status: () => ControlPlaneStatus };

export function addManagerGauges(registers: Registry[], { log, view, status }: Deps): void {
  const add = (name: string, help: string, read: () => number) =>
    addGauge({ name, help, registers }, () => [{ value: read() }]);

  add('co_position', 'Position of the last event folded.', () => view.position);
  add('co_fact_position', 'Position of the last fact folded.', () => view.factPosition);
  addGauge(
    {
      name: 'co_projection_lag_positions',
      help: 'Positions by which the view is behind the head of the log; absent while the log does not answer.',
      registers,
    },
    async () => {
      let head: LogHead | null = null;
      await settledWithin(
        headDeadlineMs,
        log.head().then((found) => {
          head = found;
        }),
      );
      return head === null ? [] : [{ value: Math.max(0, (head as LogHead).position - view.position) }];
    },
  );
  add('co_term', 'Term of the present leadership; 0 while no manager leads.', () => status().leader?.term ?? 0);
  add('co_is_leader', '1: this manager leads.', () => Number(status().leader?.isSelf ?? false));
  add('co_ready', '1: this manager can serve.', () => Number(status().ready));
  add('co_log_up', '1: the log answers.', () => Number(status().log.trouble === null));
  add('co_bus_up', '1: the bus is connected.', () => Number(status().bus.state === 'connected'));
}
