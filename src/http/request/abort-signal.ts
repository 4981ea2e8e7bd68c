/** Aborts work on a response whose client has disconnected, or whose manager stops. */

import type { FastifyReply } from 'fastify';
import { AppError } from '../../errors.ts';
import { isClientGone } from '../response/client-gone.ts';

/** For work that takes long. Aborted also once the response is sent, when it has no meaning any more. */
export function abortSignalOf({ raw, request }: FastifyReply, stopping: AbortSignal): AbortSignal {
  const ending = new AbortController();
  const stop = () => ending.abort(stopping.reason);
  const leave = () => {
    stopping.removeEventListener('abort', stop);
    ending.abort(new AppError('client_gone', 'the client did not wait for the answer'));
  };
  stopping.addEventListener('abort', stop);
  if (stopping.aborted) stop();
  if (isClientGone(request)) leave();
  else raw.once('close', leave);
  return ending.signal;
}
