/** Answers probes and Prometheus. These are not API calls, so they are not in the log; the probes are open to all. */

import { healthOf, readinessOf } from '../response/health.ts';
import type { HttpDeps, Server } from './route.ts';

export function addHealthRoutes(server: Server, { metrics, status }: Pick<HttpDeps, 'metrics' | 'status'>): void {
  const open = { scope: 'open', isRecorded: false } as const;

  server.get('/healthz', { config: open, schema: { summary: 'The process answers' } }, (_request, reply) => {
    const { code, body } = healthOf();
    return reply.code(code).send(body);
  });

  server.get('/readyz', { config: open, schema: { summary: 'This manager can serve' } }, (_request, reply) => {
    const { code, body } = readinessOf(status());
    return reply.code(code).send(body);
  });

  server.get(
    '/metrics',
    { config: { scope: 'read', isRecorded: false }, schema: { summary: 'Metrics in the text format of Prometheus' } },
    async (_request, reply) => {
      const { contentType, text } = await metrics.render();
      return reply.header('content-type', contentType).send(text);
    },
  );
}
