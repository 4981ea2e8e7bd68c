/** The ETag of a body that is built from a view, and the condition of a GET (RFC 9110). */

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ClusterView } from '../../projections/view/cluster-view.ts';

/** Sets the ETag: the position of the last fact of the view. */
export function isUnchanged(request: FastifyRequest, reply: FastifyReply, { factPosition }: ClusterView): boolean {
  const etag = `"${factPosition}"`;
  reply.header('etag', etag);
  return matches(request.headers['if-none-match'], etag);
}

/** RFC 9110: a list of tags, weak ones compare equal for GET, `*` matches all. */
function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  if (header === etag || header === '*') return true;
  return header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}
