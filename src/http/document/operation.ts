/** Completes the description of a route: what all routes of its kind have in common need not be declared by each. */

import type { FastifySchema, RouteOptions } from 'fastify';
import { requestHeadersOf, responseHeadersOf } from './headers.ts';
import { refusalsOf } from './refusals.ts';
import type { RouteTraits } from './route-traits.ts';

type Described = FastifySchema & { operationId?: string; tags?: readonly string[]; hide?: boolean };
type Answer = { description?: string; content?: object };

/** As the transform of the documentation's plugin has it. */
export type RouteDescription = { schema: FastifySchema; url: string; route: RouteOptions };

const descriptions: Readonly<Record<string, string>> = {
  200: 'The answer',
  201: 'It is durable',
  202: 'The change is durable; what follows from it is read at its Location',
};

/** Without a name of its own a route is none of the API: the pages of the documentation. */
export function describeRoute({ schema, url, route }: RouteDescription): { schema: FastifySchema; url: string } {
  const described = (schema ?? {}) as Described;
  if (described.operationId === undefined) return { schema: { ...described, hide: true } as FastifySchema, url };
  const responses = (described.response ?? {}) as Record<string, Answer>;
  const traits = traitsOf(described, route);
  const headers = requestHeadersOf(traits, url === '/events');
  const answers = Object.entries(responses).map(([status, answer]) => [
    status,
    { description: descriptions[status], ...answer, headers: responseHeadersOf(traits, status) },
  ]);
  return {
    url,
    schema: {
      ...described,
      ...(headers === undefined ? {} : { headers }),
      security: traits.isOpen ? [] : undefined,
      'x-scope': route.config?.scope,
      response: merged(refusalsOf(traits, route.config?.refusals ?? []), Object.fromEntries(answers)),
    } as FastifySchema,
  };
}

/** A status may have answers of both kinds: a page for people beside the problem document. */
function merged(refusals: Record<string, Answer>, answers: Record<string, Answer>): Record<string, Answer> {
  const both = Object.entries(answers).map(([status, answer]) => {
    const refusal = refusals[status];
    if (!refusal?.content || !answer.content) return [status, answer];
    return [status, { ...refusal, content: { ...refusal.content, ...answer.content } }];
  });
  return { ...refusals, ...Object.fromEntries(both) };
}

function traitsOf({ params, body, querystring, response }: Described, { method, config }: RouteOptions): RouteTraits {
  const isGet = method === 'GET';
  const isOpen = config?.scope === 'open';
  return {
    isGet,
    isOpen,
    hasParams: params !== undefined,
    hasBody: body !== undefined,
    isChange: !isGet && !isOpen && config?.scope !== 'read',
    isTagged: Object.hasOwn(response ?? {}, 304),
    hasPast: hasMember(querystring, 'at') || hasMember(querystring, 'from') || hasMember(body, 'at'),
  };
}

const hasMember = (schema: unknown, name: string): boolean =>
  Object.hasOwn((schema as { properties?: object } | undefined)?.properties ?? {}, name);
