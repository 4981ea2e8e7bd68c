/** Owns GET /diff: what changed between two moments, and which events did it. */

import { type Static, Type } from '@sinclair/typebox';
import { createSemaphore } from '../../concurrency/semaphore.ts';
import { diffBetween, type MomentRows, momentRows } from '../../history/diff/diff-between.ts';
import { replaysFull } from '../../history/replay/past-views.ts';
import { wantedUntil } from '../request/abort-signal.ts';
import { MomentParam, toMoment } from '../request/point-in-time.ts';
import { refuseField } from '../response/problem.ts';
import type { HttpDeps, Server } from './route.ts';

const DiffQuery = Type.Object({ from: MomentParam, to: Type.Optional(MomentParam) }, { additionalProperties: false });

type Deps = Pick<HttpDeps, 'log' | 'projector' | 'past' | 'clock'>;

/** Each holds the rows of two moments and reads for seconds. */
const diffsMax = 1;
export const waitingMax = 16;

/** @param stopping ends the diffs under way and those that wait */
export function addDiffRoutes(
  server: Server,
  { log, projector, past, clock }: Deps,
  { signal: stopping }: { signal: AbortSignal },
): void {
  const semaphore = createSemaphore({ permits: diffsMax, waitingMax, onFull: () => replaysFull(waitingMax) });
  const rowsAt = async (field: string, moment: string): Promise<MomentRows> =>
    momentRows(await past.viewAt(toMoment(field, moment, clock.nowMs())));

  server.get(
    '/diff',
    {
      config: { scope: 'read' },
      schema: {
        summary:
          'What changed between two moments: services, nodes and containers, field by field, and the events that did it',
        querystring: DiffQuery,
      },
    },
    (request, reply) => {
      const { from, to } = request.query as Static<typeof DiffQuery>;
      const signal = wantedUntil(reply, stopping);
      return semaphore.run(async () => {
        signal.throwIfAborted();
        const before = await rowsAt('from', from);
        const after = to === undefined ? momentRows(projector.view) : await rowsAt('to', to);
        if (before.position > after.position) throw refuseField('query_invalid', 'from', 'must not be after to');
        return diffBetween(log, before, after, signal);
      });
    },
  );
}
