/** Aborts work on a response whose client has disconnected, or whose manager stops. */

import type { FastifyReply } from 'fastify';
import { AppError } from '../../errors.ts';

/** For work that takes long. Aborted also once the response is sent, when it has no meaning any more. */
export function abortSignalOf({ raw }: FastifyReply, stopping: AbortSignal): AbortSignal {
  const ending = new AbortController();
  const stop = () => ending.abort(stopping.reason);
  stopping.addEventListener('abort', stop);
  if (stopping.aborted) stop();
  raw.once('close', () => {
    stopping.removeEventListener('abort', stop);
    ending.abort(new AppError('client_gone', 'the client did not wait for the answer'));
  });
  return ending.signal;
}
