/** Serves /container/:id: one container. */

import { Type } from '@sinclair/typebox';
import { AppError } from '../../errors.ts';
import { ContainerId } from '../../model/ids.ts';
import { shownContainerRow } from '../../projections/rows/container-row.ts';
import { AtQuery, toPointInTime } from '../request/point-in-time.ts';
import { isResourceUnchanged } from '../response/etag.ts';
import { OneContainer } from '../schema/rows.ts';
import { ref, unchanged } from '../schema/schema.ts';
import type { HttpDeps, Server } from './route.ts';

export const ContainerParams = Type.Object(
  { id: Type.String({ ...ContainerId, description: 'the id of a container', examples: ['web.1-4k'] }) },
  { additionalProperties: false },
);

type Deps = Pick<HttpDeps, 'projector' | 'past' | 'clock'>;

export function addContainerRoutes(server: Server, { projector, past, clock }: Deps): void {
  server.get(
    '/container/:id',
    {
      config: { scope: 'read', refusals: ['container_not_found'] },
      schema: {
        operationId: 'getContainer',
        tags: ['containers'],
        summary: 'One container, now or at a point in time, until an hour after its end',
        params: ContainerParams,
        querystring: AtQuery,
        response: { 200: ref<object>(OneContainer), 304: unchanged },
      },
    },
    async (request, reply) => {
      const { at } = request.query;
      const view = at === undefined ? projector.view : await past.viewAt(toPointInTime('at', at, clock.nowMs()));
      const { id } = request.params;
      const container = view.containers.get(id);
      if (!container) throw new AppError('container_not_found', `there is no ${id}, or it ended more than an hour ago`);
      if (isResourceUnchanged(request, reply, view, container)) return reply.code(304).send();
      const { position: _changedAt, ...row } = shownContainerRow(view, container);
      return { position: view.factPosition, at: view.factAt, ...row };
    },
  );
}
