/** Serves /view: the view itself, as programs fold on from it that are not a manager. The page does, in the browser. */

import { Type } from '@sinclair/typebox';
import { createSemaphore } from '../../concurrency/semaphore.ts';
import { replaysFull } from '../../history/replay/past-views.ts';
import { writeView } from '../../projections/snapshots/view-text.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';
import { projectionVersion } from '../../projections/view/evolve.ts';
import { AtQuery, toPointInTime } from '../request/point-in-time.ts';
import { sendCompressed } from '../response/compressed.ts';
import { count, named, position, ref, time } from '../schema/schema.ts';
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

/** Each takes memory of several times its size, and the event loop for 0.1 s at 10 000 containers. */
const writtenAtOnceMax = 2;
const waitingMax = 32;

export function addViewRoutes(
  server: Server,
  { projector, past, clock }: Pick<HttpDeps, 'projector' | 'past' | 'clock'>,
): void {
  const semaphore = createSemaphore({
    permits: writtenAtOnceMax,
    waitingMax,
    onFull: () => replaysFull(waitingMax),
  });
  let latest: { position: number; bytes: Buffer } | null = null;

  const bytesOf = (view: ClusterView, isLive: boolean): Buffer => {
    if (isLive && latest?.position === view.position) return latest.bytes;
    const bytes = Buffer.from(describe(view));
    if (isLive) latest = { position: view.position, bytes };
    return bytes;
  };

  server.get(
    '/view',
    {
      config: { scope: 'read', refusals: ['replays_full'] },
      schema: {
        operationId: 'getView',
        tags: ['state'],
        summary: 'The view that states are made of, now or at a point in time, for programs that fold it on',
        querystring: AtQuery,
        response: { 200: ref<object>(ViewBody) },
      },
    },
    (request, reply) =>
      semaphore.run(async () => {
        const { at } = request.query;
        const view = at === undefined ? projector.view : await past.viewAt(toPointInTime('at', at, clock.nowMs()));
        reply.type('application/json; charset=utf-8');
        return sendCompressed(request, reply, bytesOf(view, at === undefined));
      }),
  );
}

/** The position is that of the last event folded, telemetry included: what follows is asked for behind it. */
function describe(view: ClusterView): string {
  const { position, at, containers } = view;
  const head = JSON.stringify({ position, at, projectionVersion, containers: containers.size });
  return `${head.slice(0, -1)},"view":${writeView(view)}}`;
}
