/** Lets one simulation run at a time: each takes a part of the event loop, for seconds at worst. */

import type { FastifyReply } from 'fastify';
import { AppError } from '../../errors.ts';
import { abortSignalOf } from '../request/abort-signal.ts';

/**
 * The signal aborts when the client leaves or the manager stops.
 * @throws AppError `whatif_busy`
 */
export type Simulate = <T>(reply: FastifyReply, task: (signal: AbortSignal) => Promise<T>) => Promise<T>;

export function createSimulate(stopping: AbortSignal): Simulate {
  let isBusy = false;
  return async (reply, task) => {
    if (isBusy) throw new AppError('whatif_busy', 'another question is being answered', { retryable: true });
    isBusy = true;
    try {
      return await task(abortSignalOf(reply, stopping));
    } finally {
      isBusy = false;
    }
  };
}
