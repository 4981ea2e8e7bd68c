/** Sets the ETag of an answer that is built from a view, and checks the conditions of a GET on it (RFC 9110, section 13). */

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ClusterView } from '../../projections/view/cluster-view.ts';
import { parseTags, refusePrecondition, resourceTag, type Tags, withoutWeakness } from './entity-tag.ts';

/**
 * Of an answer about the cluster, a list too: its tag is the position of the last fact of the view.
 * @returns true: the client has this answer, so 304 is enough
 * @throws AppError `precondition_failed` · `header_invalid`
 */
export function isUnchanged(request: FastifyRequest, reply: FastifyReply, { factPosition }: ClusterView): boolean {
  return isTagUnchanged(request, reply, `"${factPosition}"`);
}

/** As `isUnchanged`, of an answer about one service, node or container. */
export function isResourceUnchanged(
  request: FastifyRequest,
  reply: FastifyReply,
  { factPosition }: ClusterView,
  { version }: { version: number },
): boolean {
  return isTagUnchanged(request, reply, resourceTag(version, factPosition));
}

/** As `isUnchanged`, of an answer with that tag. */
export function isTagUnchanged({ headers }: FastifyRequest, reply: FastifyReply, etag: string): boolean {
  reply.header('etag', etag);
  const match = parseTags('If-Match', headers['if-match']);
  const noneMatch = parseTags('If-None-Match', headers['if-none-match']);
  if (match !== null && !isAmong(match, etag)) {
    throw refusePrecondition('If-Match', `does not match: the tag is ${etag}`, etag);
  }
  return noneMatch !== null && isAmong(withoutWeakness(noneMatch), etag);
}

const isAmong = (tags: Tags, etag: string): boolean => tags.some((tag) => tag === '*' || tag === etag);
