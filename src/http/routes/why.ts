/** Serves explanations of containers and services, present and past. */

import { createSemaphore } from '../../concurrency/semaphore.ts';
import { explainContainer, type WhyContainer } from '../../history/explain/explain-container.ts';
import { explainService, type WhyService } from '../../history/explain/explain-service.ts';
import { replaysFull } from '../../history/replay/past-views.ts';
import { abortSignalOf } from '../request/abort-signal.ts';
import { AtQuery, toPointInTime } from '../request/point-in-time.ts';
import { NameParams } from '../request/service-schema.ts';
import { WhyContainer as WhyContainerSchema, WhyService as WhyServiceSchema } from '../schema/history.ts';
import { ref } from '../schema/schema.ts';
import { ContainerParams } from './container.ts';
import type { HttpDeps, Server } from './route.ts';

/** Each reads the history of its subject, as long as that is. */
const explanationsMax = 4;
const waitingMax = 64;

type Deps = Pick<HttpDeps, 'log' | 'projector' | 'past' | 'clock'>;

/** @param stopping aborts the explanations that are under way */
export function addWhyRoutes(
  server: Server,
  { log, projector, past, clock }: Deps,
  { signal: stopping }: { signal: AbortSignal },
): void {
  const semaphore = createSemaphore({ permits: explanationsMax, waitingMax, onFull: () => replaysFull(waitingMax) });

  server.get(
    '/container/:id/why',
    {
      config: { scope: 'read', refusals: ['container_not_found', 'log_unavailable', 'replays_full', 'stopping'] },
      schema: {
        operationId: 'explainContainer',
        tags: ['history'],
        summary: 'Why a container runs on its node, why it ended, what it replaced and what replaced it',
        params: ContainerParams,
        response: { 200: ref<WhyContainer>(WhyContainerSchema) },
      },
    },
    (request, reply) => {
      const signal = abortSignalOf(reply, stopping);
      return semaphore.run(() => explainContainer(log, request.params.id, signal));
    },
  );

  server.get(
    '/service/:name/why',
    {
      config: { scope: 'read', refusals: ['service_not_found', 'log_unavailable', 'replays_full', 'stopping'] },
      schema: {
        operationId: 'explainService',
        tags: ['history'],
        summary: 'Why a service is in its state, now or at a point in time',
        params: NameParams,
        querystring: AtQuery,
        response: { 200: ref<WhyService>(WhyServiceSchema) },
      },
    },
    async (request, reply) => {
      const { at } = request.query;
      const signal = abortSignalOf(reply, stopping);
      const view = at === undefined ? projector.view : await past.viewAt(toPointInTime('at', at, clock.nowMs()));
      return semaphore.run(() => explainService(log, view, request.params.name, signal));
    },
  );
}
