/** Owns how large a container spec may be: every start of a replica carries it, and a node's wanted set each once. Pure. */

import { AppError } from '../../errors.ts';
import type { ContainerSpec } from '../../model/service.ts';

/**
 * Bytes of JSON. A node with containers of 200 services, each as large as this, still gets its wanted set in one message
 * of the bus; what is longer is a file in the wrong place.
 */
export const specBytesMax = 64 * 1024;

/** @throws AppError `service_too_large` (details.field, .rule) */
export function boundSpec(spec: ContainerSpec, field: string): void {
  const bytes = Buffer.byteLength(JSON.stringify(spec));
  if (bytes <= specBytesMax) return;
  const rule = `at most ${specBytesMax} bytes of JSON together, not ${bytes}`;
  throw new AppError('service_too_large', `${field}: ${rule}`, { details: { field, rule } });
}
