/** Serves /density: how much happened when, over the whole history. */

import { Type } from '@sinclair/typebox';
import { bucketsMax, createDensity, type Density } from '../../history/density/density.ts';
import { count, named, position, ref, strict, time } from '../schema/schema.ts';
import type { HttpDeps, Server } from './route.ts';

export const DensityBody = named(
  'Density',
  {
    bucketMs: Type.Integer({ minimum: 1, description: 'how long a bucket is' }),
    buckets: Type.Array(
      Type.Object({ at: time, position, facts: count, changes: count, failures: count, losses: count }, strict),
      { maxItems: bucketsMax, description: 'by time; those without facts are left out. position: of the first fact' },
    ),
    through: position,
    head: position,
  },
  'Facts by time. Below head the count is under way: ask again.',
);

export function addDensityRoutes(server: Server, deps: Pick<HttpDeps, 'log' | 'clock'>): void {
  const readDensity = createDensity(deps);

  server.get(
    '/density',
    {
      config: { scope: 'read', refusals: ['log_unavailable'] },
      schema: {
        operationId: 'getDensity',
        tags: ['history'],
        summary: 'How many facts, changes, failures and losses there were when, over the whole history',
        response: { 200: ref<Density>(DensityBody) },
      },
    },
    () => readDensity(),
  );
}
