/** Lists what a request is about, as it is before the request: what a precondition is checked against. Pure. */

import type { ClusterView } from '../../projections/view/cluster-view.ts';
import type { ApiRequest } from './decide.ts';

/** `version`: of its stream; null for what has none of its own, and for what does not exist. */
export type Resource = { name: string; exists: boolean; version: number | null };

/** In the order of the request. */
export function resourcesOf(view: ClusterView, request: ApiRequest): Resource[] {
  switch (request.kind) {
    case 'apply':
      return request.specs.map(({ service }) => toResource(service, view.services.get(service)));
    case 'patch':
    case 'remove':
    case 'rollback':
    case 'rollout':
    case 'restart':
      return [toResource(request.service, view.services.get(request.service))];
    case 'node':
    case 'label node':
      return [toResource(request.node, view.nodes.get(request.node))];
    case 'issue token':
      return [{ name: 'the token', exists: false, version: null }];
    case 'revoke token':
    case 'use token':
      return [{ name: 'the token', exists: true, version: null }];
    case 'set registry login':
    case 'remove registry login':
      return [{ name: 'the login', exists: view.registryLogins.has(request.host), version: null }];
  }
}

function toResource(name: string, found: { version: number } | undefined): Resource {
  return { name, exists: found !== undefined, version: found?.version ?? null };
}
