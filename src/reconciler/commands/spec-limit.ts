/** Limits the size of a container spec: it is part of each start command, and of a node's desired containers. Pure. */

import { AppError } from '../../errors.ts';
import type { ContainerSpec } from '../../model/service.ts';

/**
 * Bytes of JSON. The desired containers of a node with 200 services, each as large as this, still fit into one message of
 * the bus. Larger content belongs into the image or a volume.
 */
export const specBytesMax = 64 * 1024;

/** @throws AppError `service_too_large` (details.field, .rule) */
export function assertSpecSize(spec: ContainerSpec, field: string): void {
  const bytes = Buffer.byteLength(JSON.stringify(spec));
  if (bytes <= specBytesMax) return;
  const rule = `at most ${specBytesMax} bytes of JSON together, not ${bytes}`;
  throw new AppError('service_too_large', `${field}: ${rule}`, { details: { field, rule } });
}
