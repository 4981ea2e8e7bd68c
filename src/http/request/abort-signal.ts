/** Owns how long an answer is wanted: until its client goes away, or the manager is told to stop. */

import type { FastifyReply } from 'fastify';
import { AppError } from '../../errors.ts';

/** For whatever works longer than a moment on an answer; aborted too, and of no more meaning, once that is sent. */
export function wantedUntil({ raw }: FastifyReply, stopping: AbortSignal): AbortSignal {
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
