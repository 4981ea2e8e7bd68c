/** Serves GET /diff: what changed between two points in time, and which events changed it. */

import { type Static, Type } from '@sinclair/typebox';
import { createSemaphore } from '../../concurrency/semaphore.ts';
import { type DiffBody, diffBetween, type StateRows, stateRows } from '../../history/diff/diff-between.ts';
import { replaysFull } from '../../history/replay/past-views.ts';
import { abortSignalOf } from '../request/abort-signal.ts';
import { PointInTimeParam, toPointInTime } from '../request/point-in-time.ts';
import { refuseField } from '../response/problem.ts';
import { Diff } from '../schema/history.ts';
import { ref } from '../schema/schema.ts';
import type { HttpDeps, Server } from './route.ts';

const DiffQuery = Type.Object(
  { from: Type.String({ ...PointInTimeParam, examples: ['1'] }), to: Type.Optional(PointInTimeParam) },
  { additionalProperties: false },
);

type Deps = Pick<HttpDeps, 'log' | 'projector' | 'past' | 'clock'>;

/** Each keeps the rows of two points in time in memory and reads for seconds. */
const diffsMax = 1;
export const waitingMax = 16;

/** @param stopping aborts the diffs that run and those that wait */
export function addDiffRoutes(
  server: Server,
  { log, projector, past, clock }: Deps,
  { signal: stopping }: { signal: AbortSignal },
): void {
  const semaphore = createSemaphore({ permits: diffsMax, waitingMax, onFull: () => replaysFull(waitingMax) });
  const rowsAt = async (field: string, at: string): Promise<StateRows> =>
    stateRows(await past.viewAt(toPointInTime(field, at, clock.nowMs())));

  server.get(
    '/diff',
    {
      config: { scope: 'read', refusals: ['query_contradictory'] },
      schema: {
        operationId: 'diff',
        tags: ['history'],
        summary: 'Differences between two points in time, field by field, with the events that caused them',
        querystring: DiffQuery,
        response: { 200: ref<DiffBody>(Diff) },
      },
    },
    (request, reply) => {
      const { from, to } = request.query as Static<typeof DiffQuery>;
      const signal = abortSignalOf(reply, stopping);
      return semaphore.run(async () => {
        signal.throwIfAborted();
        const before = await rowsAt('from', from);
        const after = to === undefined ? stateRows(projector.view) : await rowsAt('to', to);
        if (before.position > after.position) throw refuseField('query_contradictory', 'from', 'must not be after to');
        return diffBetween(log, before, after, signal);
      });
    },
  );
}
