/** Measures HTTP calls by route, method and class of status. */

import { Histogram, type Registry } from 'prom-client';
import type { MeasuredCall } from '../../http/response/metrics.ts';

/** From a cached body to a question about the past that waits for a permit. */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export function createCallMetrics(registers: Registry[]): (call: MeasuredCall) => void {
  const durations = new Histogram({
    name: 'co_http_request_duration_seconds',
    help: 'Time from the head of a request to the end of its response, without event streams, since this process started.',
    labelNames: ['route', 'method', 'status_class'],
    buckets,
    registers,
  });
  // The pattern of a route, not the path: as many series as routes, whatever is asked for.
  return ({ route, method, status, durationMs }) =>
    durations.observe(
      { route: route ?? 'none', method, status_class: `${Math.floor(status / 100)}xx` },
      durationMs / 1_000,
    );
}
