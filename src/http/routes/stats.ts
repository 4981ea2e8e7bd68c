/** Serves /container/:id/stats: what a container uses, as its engine says. */

import { AppError } from '../../errors.ts';
import { runningContainer } from '../../streams/stream-target.ts';
import { abortSignalOf } from '../request/abort-signal.ts';
import { ref } from '../schema/schema.ts';
import { ContainerStatsAnswer } from '../schema/streams.ts';
import { RunningContainerParams, streamRefusals } from './logs.ts';
import type { HttpDeps, Server } from './route.ts';

type Deps = Pick<HttpDeps, 'projector' | 'streams'>;

export function addStatsRoutes(
  server: Server,
  { projector, streams: client }: Deps,
  { signal }: { signal: AbortSignal },
): void {
  server.get(
    '/container/:id/stats',
    {
      config: { scope: 'read', refusals: ['container_not_found', ...streamRefusals] },
      exposeHeadRoute: false,
      schema: {
        operationId: 'readContainerStats',
        tags: ['containers'],
        summary: 'What a running container uses now, as its engine says; takes a second or two',
        params: RunningContainerParams,
        response: { 200: ref<object>(ContainerStatsAnswer) },
      },
    },
    async (request, reply) => {
      const { id: container } = request.params;
      const { node, service } = runningContainer(projector.view, container);
      const stream = await client.open({ node, container }, { kind: 'stats' }, abortSignalOf(reply, signal));
      for await (const chunk of stream.chunks()) {
        if (chunk.kind === 'stats') return { container, service, node, ...chunk.stats };
      }
      throw new AppError('stream_broken', `the agent of ${node} said nothing about ${container}`, { retryable: true });
    },
  );
}
