/** Owns the Idempotency-Key header. */

import type { IncomingHttpHeaders } from 'node:http';
import { refuseField } from '../response/problem.ts';

/** A uuid needs 36; more room than that for whoever names a key by what it is for. */
const keyPattern = /^[\x21-\x7e]{1,200}$/;

/** @throws AppError `header_invalid` */
export function idempotencyKeyOf(headers: IncomingHttpHeaders): string | null {
  const key = headers['idempotency-key'];
  if (key === undefined) return null;
  if (typeof key !== 'string' || !keyPattern.test(key)) {
    throw refuseField('header_invalid', 'Idempotency-Key', 'must be 1 to 200 printable ASCII characters, no spaces');
  }
  return key;
}
