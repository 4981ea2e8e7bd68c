/** Reads the Idempotency-Key header and derives the id of the request's append from it. */

import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { v5 as uuidv5 } from 'uuid';
import { canonicalJson } from '../../events/schema/canonical-json.ts';
import type { Idempotency } from '../../reconciler/append/command-handler.ts';
import { refuseField } from '../response/problem.ts';

/** A uuid needs 36 characters; the rest is room for keys with a meaning. */
const keyPattern = /^[\x21-\x7e]{1,200}$/;

/** The scope of a key: the same key of another actor, or on another path, is another request. */
type KeyedRequest = { headers: IncomingHttpHeaders; method: string; url: string };

/**
 * Every manager derives the same from the same request.
 * @param options `hashed`: what repeats have to be equal in, the body unless it holds a secret
 * @returns null: the request has no key
 * @throws AppError `header_invalid`
 */
export function idempotencyOf(
  { headers, method, url }: KeyedRequest,
  { actor, clusterId, hashed }: { actor: string; clusterId: string; hashed: unknown },
): Idempotency | null {
  const key = headers['idempotency-key'];
  if (key === undefined) return null;
  if (typeof key !== 'string' || !keyPattern.test(key)) {
    throw refuseField('header_invalid', 'Idempotency-Key', 'must be 1 to 200 printable ASCII characters, no spaces');
  }
  const requestHash = createHash('sha256')
    .update(canonicalJson(hashed ?? null))
    .digest('hex');
  return { appendId: uuidv5(JSON.stringify([actor, method, url, key]), clusterId), requestHash };
}
