/** How the view knows which image the specs of a service mean: once for each spec that is requested. */

import type { LogEvent } from '../../events/schema/event.ts';
import { streams } from '../../events/schema/event.ts';
import { digestOf } from '../../model/image.ts';
import type { ClusterView, ServiceView } from './cluster-view.ts';
import type { Handlers } from './handlers.ts';
import { imagesKept } from './image-view.ts';

export const imageHandlers = {
  /** The service may have been removed meanwhile, or its spec requested again. */
  ImageResolved(view, event) {
    const { service: name, specHash, digest, reason } = event.data;
    const service = view.services.get(name);
    const image = service?.images.get(specHash);
    if (!service || !image || event.stream !== streams.image(name, image.requestedPosition)) return;
    service.images.set(specHash, { ...image, isResolved: true, digest, reason });
    service.position = event.position;
  },
} satisfies Partial<Handlers>;

/**
 * A spec that is requested is resolved again, unless it is an earlier one that a rollback brings back, or one that still runs: then it
 * means what it meant.
 */
export function expectImage(view: ClusterView, service: ServiceView, event: LogEvent<'ServiceRequested'>): void {
  const { images } = service;
  const { specHash, generation, container, rollbackTo } = event.data;
  const known = images.get(specHash);
  const isKept = known && (rollbackTo !== undefined || isLive(view, service, specHash));
  const digest = digestOf(container.image);
  const fresh = { image: container.image, isResolved: digest !== null, digest, reason: null };
  images.delete(specHash);
  images.set(specHash, isKept ? known : { requestedPosition: event.position, generation, ...fresh });
  const needed = [specHash, service.previous?.specHash, service.settled?.specHash];
  for (const hash of images.keys()) {
    if (images.size <= imagesKept) return;
    if (!needed.includes(hash)) images.delete(hash);
  }
}

function isLive(view: ClusterView, service: ServiceView, specHash: string): boolean {
  for (const { containers } of service.slots.values()) {
    for (const id of containers) if (view.containers.get(id)?.specHash === specHash) return true;
  }
  return false;
}
