/**
 * Keeps the metrics of one manager in a registry of its own. The log and the HTTP server report what they measure, the
 * projector what it folds; the state of the cluster is read from the view when Prometheus asks.
 */

import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Clock } from '../../clock.ts';
import type { EventLog } from '../../events/log/event-log.ts';
import type { HttpMetrics } from '../../http/response/metrics.ts';
import type { ControlPlaneStatus } from '../../http/response/status.ts';
import type { Projector } from '../../projections/live/projector.ts';
import { createAppendMetrics, type MeasuredAppend } from './append-metrics.ts';
import { addCertificateGauge } from './certificate-gauge.ts';
import { addClusterGauges } from './cluster-gauges.ts';
import { createFoldMetrics } from './fold-metrics.ts';
import { createCallMetrics } from './http-metrics.ts';
import { addManagerGauges } from './manager-gauges.ts';

export type Metrics = HttpMetrics & {
  observeAppend(append: MeasuredAppend): void;
  /** From now on counts what is folded and shows what is. Returns the end of counting. */
  watch(watched: Watched): () => void;
  /** From now on shows until when it is valid. */
  watchCertificate(current: () => { cert: string }): void;
};

export type Watched = {
  log: Pick<EventLog, 'head'>;
  projector: Pick<Projector, 'view' | 'onFolded'>;
  clock: Pick<Clock, 'nowMs'>;
  status: () => ControlPlaneStatus;
};

/** Gauges whose names end in `_total`, which Prometheus keeps for counters; `nodejs_active_resources` has the same by type. */
const misnamed = ['nodejs_active_resources_total', 'nodejs_active_handles_total', 'nodejs_active_requests_total'];

export function createMetrics({ version }: { version: string }): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of misnamed) registry.removeSingleMetric(name);
  const registers = [registry];
  new Gauge({
    name: 'co_build_info',
    help: 'Version of this manager; always 1.',
    labelNames: ['version'],
    registers,
  }).set({ version }, 1);
  const observeCall = createCallMetrics(registers);
  let readCertificate: () => string | null = () => null;
  addCertificateGauge(registers, () => readCertificate());
  const observeAppend = createAppendMetrics(registers);

  return {
    observeCall,
    observeAppend,
    watch({ log, projector, clock, status }) {
      addManagerGauges(registers, { log, view: projector.view, status });
      addClusterGauges(registers, { view: projector.view, clock });
      return projector.onFolded(createFoldMetrics(registers, projector.view));
    },
    watchCertificate(current) {
      readCertificate = () => current().cert;
    },
    async render() {
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}
