/** The spec of a service, of what a manager says of it: what `coctl apply` takes. Pure. */

import type { ServiceRequest } from './spec-options.ts';

/** `GET /service/:name` */
export type ServiceDetail = ServiceRequest & { mode: string; generation: number; position: number };

/** The members of a request, in the order of people. Replicas of another mode are a count, and no part of it. */
const members = [
  ...['serviceName', 'mode', 'replicas', 'container', 'health', 'update', 'restart', 'placement', 'rebalance'],
  ...['job', 'schedule', 'onDisconnect'],
];

export function specOf(detail: ServiceDetail): ServiceRequest {
  const shown = members.filter((name) => name !== 'replicas' || detail.mode === 'replicated');
  return Object.fromEntries(shown.flatMap((name) => (name in detail ? [[name, detail[name]]] : []))) as ServiceRequest;
}
