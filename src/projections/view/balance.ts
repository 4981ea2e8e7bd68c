/** How the facts about a service's balance change the view. */

import type { LogEvent } from '../../events/schema/event.ts';
import type { ClusterView, ServiceView } from './cluster-view.ts';
import { causeOf, type Handlers, illegal } from './handlers.ts';
import { parseIsoTime } from './iso-time.ts';
import { keepRolling } from './rollouts.ts';
import type { Touched } from './touched.ts';

export const balanceHandlers = {
  RebalanceRequested(view, event, touched) {
    const { container: id, coolUntil } = event.data;
    const service = noteFact(view, event, touched);
    const container = view.containers.get(id) ?? illegal(event, 'the container is unknown');
    container.move = causeOf(event);
    const moves = (service.balancing?.moves ?? 0) + 1;
    service.balancing = { coolUntilMs: parseIsoTime(coolUntil), moves };
    keepRolling(view, service);
  },

  ServiceBalanced(view, event, touched) {
    const service = noteFact(view, event, touched);
    service.balancing = null;
    keepRolling(view, service);
  },
} satisfies Partial<Handlers>;

function noteFact(
  view: ClusterView,
  event: LogEvent<'RebalanceRequested'> | LogEvent<'ServiceBalanced'>,
  touched: Touched,
): ServiceView {
  const service = view.services.get(event.data.service) ?? illegal(event, 'the service is unknown');
  service.version = event.version;
  service.position = event.position;
  touched.services.add(service.name);
  return service;
}
