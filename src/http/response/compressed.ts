/** Compresses answers that are worth it, for clients that can read them so. */

import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';

const gzipAsync = promisify(gzip);

/** Below it the header costs as much as is saved. */
const smallBytes = 1_024;
/** zlib comes back to the event loop for each. */
const chunkSize = 256 * 1024;

/** In a thread of its own; the fastest level takes a third of the time of the usual one, for a tenth more bytes. */
export const compress = (bytes: Buffer): Promise<Buffer> =>
  gzipAsync(bytes, { level: constants.Z_BEST_SPEED, chunkSize });

/** @param compressed where it is known: the same bytes are compressed once */
export async function sendCompressed(
  request: FastifyRequest,
  reply: FastifyReply,
  bytes: Buffer,
  compressed: () => Promise<Buffer> = () => compress(bytes),
): Promise<Buffer> {
  reply.header('vary', 'accept-encoding');
  if (bytes.length < smallBytes || !acceptsGzip(request)) return bytes;
  reply.header('content-encoding', 'gzip');
  return compressed();
}

function acceptsGzip({ headers }: FastifyRequest): boolean {
  const accepted = String(headers['accept-encoding'] ?? '');
  return /(^|,)\s*gzip\s*(;\s*q=(1|0\.[0-9]*[1-9]))?\s*(,|$)/.test(accepted);
}
