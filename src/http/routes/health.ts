/** Answers probes and Prometheus. These are not API calls, so they are not in the log; the probes are open to all. */

import { Type } from '@sinclair/typebox';
import { healthOf, readinessOf } from '../response/health.ts';
import { strict } from '../schema/schema.ts';
import type { HttpDeps, Server } from './route.ts';

const tags = ['health'];

const Alive = Type.Object({ status: Type.Literal('ok') }, { ...strict, description: 'It answers' });
const readiness = { ready: Type.Boolean(), notReady: Type.Array(Type.String(), { description: 'what is missing' }) };
const Ready = Type.Object(readiness, { ...strict, description: 'It can' });
const NotReady = Type.Object(readiness, { ...strict, description: 'It cannot, and why' });
const metricsText = { description: 'The metrics', content: { 'text/plain': { schema: { type: 'string' } } } };

export function addHealthRoutes(server: Server, { metrics, status }: Pick<HttpDeps, 'metrics' | 'status'>): void {
  const open = { scope: 'open', isRecorded: false } as const;

  server.get(
    '/healthz',
    {
      config: open,
      schema: {
        operationId: 'isAlive',
        tags,
        summary: 'The process answers',
        response: { 200: Type.Unsafe<object>(Alive) },
      },
    },
    (_request, reply) => {
      const { code, body } = healthOf();
      return reply.code(code).send(body);
    },
  );

  server.get(
    '/readyz',
    {
      config: open,
      schema: {
        operationId: 'isReady',
        tags,
        summary: 'This manager can serve',
        response: { 200: Type.Unsafe<object>(Ready), 503: Type.Unsafe<object>(NotReady) },
      },
    },
    (_request, reply) => {
      const { code, body } = readinessOf(status());
      return reply.code(code).send(body);
    },
  );

  server.get(
    '/metrics',
    {
      config: { scope: 'read', isRecorded: false },
      schema: {
        operationId: 'getMetrics',
        tags,
        summary: 'Metrics in the text format of Prometheus',
        response: { 200: metricsText },
      },
    },
    async (_request, reply) => {
      const { contentType, text } = await metrics.render();
      return reply.header('content-type', contentType).send(text);
    },
  );
}
