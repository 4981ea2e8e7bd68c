/** Serves the OpenAPI document and its pages at /docs: made of the routes' own schemas, so it cannot lag behind them. */

import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { docsContentPolicy } from '../response/security-headers.ts';
import type { Server } from '../routes/route.ts';
import { components } from './components.ts';
import { describeRoute, type RouteDescription } from './operation.ts';
import { methodNotAllowed } from './refusals.ts';

/** The documentation's plugin cannot declare the scope of its routes. */
export const docsPrefix = '/docs';

const tags = [
  { name: 'services', description: 'what should run' },
  { name: 'nodes', description: 'where it runs' },
  { name: 'containers', description: 'what runs' },
  { name: 'state', description: 'the cluster, now or at any point in time' },
  { name: 'history', description: 'what happened, why, and what would happen' },
  { name: 'tokens', description: 'who may call' },
  { name: 'health', description: 'for probes and Prometheus' },
] as const;
export type Tag = (typeof tags)[number]['name'];

const description = `Reads and changes of a cluster. A change is answered by 202 when it is durable; what follows from it is
read at its Location. Every change honours \`Idempotency-Key\`, \`If-Match\` and \`If-None-Match\`. A refusal is a problem document
with a \`code\`. On loopback, without a file of tokens, no token is needed.`;

const securitySchemes = {
  bearer: { type: 'http', scheme: 'bearer', description: 'a token of POST /token or of the file of tokens' },
  session: { type: 'apiKey', in: 'cookie', name: 'co_session', description: 'of POST /login, for browsers' },
} as const;

/**
 * Other languages cannot read a pattern with half a surrogate pair, and no text of theirs has one: that rule is for escapes in
 * JSON alone.
 */
const withoutSurrogates = <T>(document: T): T =>
  JSON.parse(JSON.stringify(document).replaceAll('\\\\ud800-\\\\udfff', ''));

export function addDocumentation(server: Server, version: string): void {
  server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'container-orchestrator', version, description, license: { name: 'Apache-2.0' } },
      tags: [...tags],
      components: { securitySchemes, responses: { MethodNotAllowed: methodNotAllowed } },
      security: [{ bearer: [] }, { session: [] }, {}],
    },
    transformObject: (made) => ('openapiObject' in made ? withoutSurrogates(made.openapiObject) : {}),
    transform: (route) => describeRoute(route as unknown as RouteDescription),
    refResolver: { buildLocalReference: ({ $id }, _uri, _fragment, index) => String($id ?? `def-${index}`) },
  });
  server.register(swaggerUi, {
    routePrefix: docsPrefix,
    staticCSP: docsContentPolicy,
    uiConfig: {
      // Runs in the page, where the session of a browser may be all that says who calls.
      requestInterceptor: (request) => {
        Object.assign((request as unknown as { headers: object }).headers, { 'x-co-page': 'docs' });
        return request;
      },
    },
  });
  for (const component of components) server.addSchema(component);
}
