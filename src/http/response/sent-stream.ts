/** Sends an answer in chunks for as long as its client reads them. A chunk is made when the socket has accepted the one before. */

import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '../../logger.ts';

/** A client that reads nothing for this long is disconnected. */
const stalledMs = 30_000;

type Sending = { request: FastifyRequest; reply: FastifyReply; logger: Logger };

export function sendChunks({ request, reply, logger }: Sending, type: string, chunks: AsyncGenerator<string>) {
  const onStalled = () => {
    logger.info({ requestId: request.id }, 'a client of a stream read nothing for 30 s: disconnected');
    reply.raw.destroy();
  };
  reply.header('content-type', type).header('cache-control', 'no-store').header('x-accel-buffering', 'no');
  return reply.send(Readable.from(watchStall(chunks, onStalled), { objectMode: false }));
}

async function* watchStall(chunks: AsyncGenerator<string>, onStalled: () => void): AsyncGenerator<string> {
  for await (const chunk of chunks) {
    const timer = setTimeout(onStalled, stalledMs);
    try {
      yield chunk;
    } finally {
      clearTimeout(timer);
    }
  }
}
