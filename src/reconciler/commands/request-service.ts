/** Makes the event that requests a spec of a service, or records that a request changed nothing. Pure. */

import { type NewEvent, streams } from '../../events/schema/event.ts';
import type { ServicePolicy } from '../../model/policy.ts';
import type { ContainerSpec } from '../../model/service.ts';
import { metaOf, type RequestContext } from './decision.ts';

type Requested = { name: string; replicas: number; spec: ContainerSpec; specHash: string; policy: ServicePolicy };

/** @param rollbackTo the generation whose spec it is again */
export function requestService(
  { name: service, replicas, spec: container, specHash, policy }: Requested,
  generation: number,
  changed: boolean,
  context: RequestContext,
  rollbackTo?: number,
): NewEvent {
  const data = {
    ...{ service, generation, changed, replicas, container, specHash, ...policy },
    ...(rollbackTo === undefined ? {} : { rollbackTo }),
  };
  return { stream: streams.service(service), type: 'ServiceRequested', data, meta: metaOf(context) };
}
