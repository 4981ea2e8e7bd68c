/** Serves /view: the view itself, as programs fold on from it that are not a manager. The page does, in the browser. */

import { Type } from '@sinclair/typebox';
import { projectionVersion } from '../../projections/view/evolve.ts';
import { AtQuery, toPointInTime } from '../request/point-in-time.ts';
import { sendCompressed } from '../response/compressed.ts';
import { isTagUnchanged } from '../response/etag.ts';
import { createViewBodies } from '../response/view-bodies.ts';
import { count, named, position, ref, time, unchanged } from '../schema/schema.ts';
import type { HttpDeps, Server } from './route.ts';

export const ViewBody = named(
  'View',
  {
    position,
    at: time,
    projectionVersion: Type.Integer({ minimum: 1, description: 'a program of another one cannot fold on from it' }),
    containers: count,
    view: Type.Unsafe<object>({ type: 'object', description: 'as src/projections/snapshots/view-text.ts has it' }),
  },
  'The fold of all events up to a position, to be folded on from.',
);

/** A program that folds otherwise has another text for the same position. */
const tagOf = (position: number): string => `"${projectionVersion}-${position}"`;

export function addViewRoutes(
  server: Server,
  { projector, past, clock }: Pick<HttpDeps, 'projector' | 'past' | 'clock'>,
): void {
  const bodies = createViewBodies(projector.view);

  server.get(
    '/view',
    {
      config: { scope: 'read', refusals: ['replays_full'] },
      schema: {
        operationId: 'getView',
        tags: ['state'],
        summary: 'The view that states are made of, now or at a point in time, for programs that fold it on',
        querystring: AtQuery,
        response: { 200: ref<object>(ViewBody), 304: unchanged },
      },
    },
    async (request, reply) => {
      const { at } = request.query;
      const point = at === undefined ? null : toPointInTime('at', at, clock.nowMs());
      const asked = point === null ? projector.view.position : await past.positionAt(point);
      // A browser may keep what it has, and asks whether it still holds.
      reply.header('cache-control', 'private, no-cache').header('vary', 'accept-encoding');
      if (isTagUnchanged(request, reply, tagOf(asked))) return reply.code(304).send();
      const body = await (point === null ? bodies.live() : bodies.past(asked, () => past.viewAt({ position: asked })));
      reply.type('application/json; charset=utf-8').header('etag', tagOf(body.position));
      return sendCompressed(request, reply, body.bytes, body.compressed);
    },
  );
}
