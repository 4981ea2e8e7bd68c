/** Describes the headers of requests and answers. The program reads those of requests itself, so that a refusal names them as they are written. */

import { Type } from '@sinclair/typebox';
import type { RouteTraits } from './route-traits.ts';

const etag = (description: string) => ({ type: 'string', description });

export const requestIdHeader = { type: 'string', description: 'of the call, in the log of the manager' };
export const retryAfterHeader = { type: 'integer', description: 'seconds' };
export const wwwAuthenticateHeader = { type: 'string', enum: ['Bearer'] };
export const allowHeader = { type: 'string', description: 'the methods of the path' };

/** `*`, or entity tags; weak ones too. */
const tagsPattern = '^(\\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)?$';
const conditions = {
  'If-Match': Type.Optional(
    Type.String({
      pattern: tagsPattern,
      description: 'only if it has one of these tags; *: only if it exists. Otherwise 412',
    }),
  ),
  'If-None-Match': Type.Optional(
    Type.String({
      pattern: tagsPattern,
      description: 'only if it has none of these tags; *: only if it does not exist',
      examples: ['"7-1500"'],
    }),
  ),
};

const idempotencyKey = {
  'Idempotency-Key': Type.Optional(
    Type.String({
      pattern: '^[!-~]{1,200}$',
      description: 'a repeat with the same key has the first answer, for 24 hours',
      examples: ['release-42'],
    }),
  ),
};

const lastEventId = {
  'Last-Event-ID': Type.Optional(
    Type.String({ pattern: '^([0-9]{1,15})?$', description: 'of an event stream: goes on after this position' }),
  ),
};

/** @param resumes the answer may be an event stream */
export function requestHeadersOf({ isChange, isTagged }: RouteTraits, resumes: boolean): object | undefined {
  const members = {
    ...(isChange ? idempotencyKey : {}),
    ...(isChange || isTagged ? conditions : {}),
    ...(resumes ? lastEventId : {}),
  };
  return Object.keys(members).length === 0 ? undefined : Type.Object(members);
}

export function responseHeadersOf({ isChange, isTagged }: RouteTraits, status: string): Record<string, object> {
  if (isTagged && /^(200|304)$/.test(status)) return { ETag: etag('of what the answer shows') };
  if (!isChange || !status.startsWith('2')) return {};
  return {
    ETag: etag('of the service or node after the change; not when there are several, or it is gone'),
    Location: { type: 'string', description: 'where what was changed is read' },
    'Idempotent-Replayed': { type: 'string', enum: ['true'], description: 'this is the first answer of a repeat' },
  };
}
