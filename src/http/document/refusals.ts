/** Describes refusals: the problem document, and what each route may answer with beside what it declares itself. */

import { Type } from '@sinclair/typebox';
import { type ProblemCode, problemCodes } from '../response/problem.ts';
import { named, oneOf, strict } from '../schema/schema.ts';
import { allowHeader, requestIdHeader, retryAfterHeader, wwwAuthenticateHeader } from './headers.ts';
import type { RouteTraits } from './route-traits.ts';

const allCodes = Object.keys(problemCodes) as ProblemCode[];

const problemType = 'application/problem+json';

export const Problem = named(
  'Problem',
  {
    type: Type.String({ description: 'a URN that ends with the code' }),
    title: Type.String({ description: 'the same for every problem of this code' }),
    status: Type.Integer(),
    detail: Type.String({ description: 'a sentence about this request' }),
    code: oneOf(allCodes, 'what a program decides by'),
    errors: Type.Optional(
      Type.Array(Type.Object({ field: Type.String(), rule: Type.String(), message: Type.String() }, strict), {
        description: 'the member of the request, and the rule it breaks',
      }),
    ),
  },
  'A refusal (RFC 9457).',
);

const groups: readonly (readonly [applies: (traits: RouteTraits) => boolean, codes: readonly ProblemCode[]])[] = [
  [() => true, ['query_invalid', 'request_invalid', 'request_timeout', 'headers_too_large', 'internal']],
  [({ isOpen }) => !isOpen, ['unauthenticated', 'forbidden', 'host_not_allowed']],
  [({ isOpen }) => !isOpen, ['too_many_requests', 'too_many_attempts']],
  [({ isGet }) => !isGet, ['cross_site', 'body_invalid', 'json_invalid', 'body_too_large', 'content_type_unsupported']],
  [({ hasParams }) => hasParams, ['path_invalid']],
  [({ isChange, isTagged }) => isChange || isTagged, ['header_invalid', 'precondition_failed']],
  [({ isChange }) => isChange, ['expectation_failed', 'append_too_large', 'idempotency_key_reused']],
  [({ isChange }) => isChange, ['log_unavailable', 'log_busy', 'log_closed', 'view_behind']],
  [({ hasPast }) => hasPast, ['moment_in_future', 'moment_before_log', 'replays_full', 'log_unavailable', 'stopping']],
];

/** Responses by status, with the codes of each. @param own what the route declares */
export function refusalsOf(traits: RouteTraits, own: readonly ProblemCode[]): Record<string, Refusal> {
  const codes = new Set([...own, ...groups.flatMap(([applies, some]) => (applies(traits) ? some : []))]);
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of [...codes].sort()) {
    const { status } = problemCodes[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries([...byStatus].map(([status, some]) => [status, refusal(status, some)]));
}

type Refusal = { description: string; headers: object; content: object };

function refusal(status: number, codes: readonly ProblemCode[]): Refusal {
  return {
    description: codes.map((code) => problemCodes[code].title).join(' · '),
    headers: headersOf(status),
    content: { [problemType]: { schema: problemSchema(codes) } },
  };
}

const problemSchema = (codes: readonly ProblemCode[]) => ({
  allOf: [
    { $ref: `${Problem.$id}#` },
    { type: 'object', properties: { code: { type: 'string', enum: codes } }, required: ['code'] },
  ],
});

const headersOf = (status: number): Record<string, object> => ({
  'X-Request-Id': requestIdHeader,
  ...(status === 401 ? { 'WWW-Authenticate': wwwAuthenticateHeader } : {}),
  ...(status === 405 ? { Allow: allowHeader } : {}),
  ...(status === 429 || status === 503 ? { 'Retry-After': retryAfterHeader } : {}),
});

/** Of no operation, so it stands for itself in the document. */
export const methodNotAllowed = {
  description: `${problemCodes.method_not_allowed.title}. Of every path, for methods that it does not have.`,
  headers: { Allow: { schema: { type: 'string' as const }, description: allowHeader.description } },
  content: { [problemType]: { schema: { $ref: `#/components/schemas/${Problem.$id}` } } },
};
