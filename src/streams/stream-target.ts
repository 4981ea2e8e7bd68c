/** Which containers a stream can be opened to, and why others refuse one. Pure. */

import { AppError } from '../errors.ts';
import type { ClusterView, ContainerView } from '../projections/view/cluster-view.ts';

/** @throws AppError `container_not_found` · `container_not_running` · `node_silent` */
export function runningContainer(view: ClusterView, id: string): ContainerView {
  const container = view.containers.get(id);
  if (!container) throw new AppError('container_not_found', `there is no ${id}, or it ended more than an hour ago`);
  if (!isOnEngine(container)) throw notRunning(container);
  const node = view.nodes.get(container.node);
  if (!node || node.state === 'lost') {
    throw new AppError('node_silent', `${container.node}, where ${id} runs, is lost`, { retryable: true });
  }
  return container;
}

/** Oldest slots first. @throws AppError `service_not_found` */
export function runningContainersOf(view: ClusterView, service: string): ContainerView[] {
  if (!view.services.has(service)) throw new AppError('service_not_found', `there is no service ${service}`);
  const own = [...view.containers.values()].filter((container) => container.service === service);
  const reachable = own.filter((one) => isOnEngine(one) && view.nodes.get(one.node)?.state !== 'lost');
  return reachable.sort((a, b) => a.slot - b.slot || a.queuedPosition - b.queuedPosition);
}

const isOnEngine = ({ state }: ContainerView) => state === 'running' || state === 'stopping';

function notRunning({ id, state }: ContainerView): AppError {
  const isToCome = state === 'in queue' || state === 'starting';
  const why = isToCome ? `it is ${state}` : 'it has ended; its last lines are in the answer of why';
  return new AppError('container_not_running', `${id} does not run: ${why}`, { retryable: isToCome });
}
