/**
 * Limits how often one token calls, and how often one address fails to present a valid one. A valid token is served whatever its
 * address did before: tokens cannot be guessed, and others may share the address.
 */

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppError } from '../../errors.ts';
import type { Caller } from './auth.ts';

/** A server with the plugin that counts. */
export type CountingServer = Pick<FastifyInstance, 'createRateLimit'>;

export type RateLimits = {
  /** @throws AppError `too_many_requests` (details.retryAfterSeconds) */
  countCall(request: FastifyRequest, caller: Caller): Promise<void>;
  /** A call without a valid token. @throws AppError `too_many_attempts` (details.retryAfterSeconds) */
  countFailure(request: FastifyRequest): Promise<void>;
};

const failuresPerMinuteMax = 60;

/** Of callers that are counted at once; the one that called longest ago is forgotten. */
export const callersMax = 10_000;

/** @param callsPerSecond 0: calls of tokens are not limited */
export function createRateLimits(server: CountingServer, { callsPerSecond }: { callsPerSecond: number }): RateLimits {
  let limiters: ReturnType<typeof createLimiters> | null = null;
  /** The plugin is loaded when the server is ready. */
  const limitersOf = () => {
    limiters ??= createLimiters(server, callsPerSecond);
    return limiters;
  };

  return {
    async countCall(request, { limitKey }) {
      if (limitKey === null || callsPerSecond === 0) return;
      const result = await limitersOf().calls(request);
      if (result.isAllowed || !result.isExceeded) return;
      const message = `this token may make ${callsPerSecond} calls a second`;
      throw new AppError('too_many_requests', message, { details: { retryAfterSeconds: result.ttlInSeconds } });
    },
    async countFailure(request) {
      const result = await limitersOf().failures(request);
      if (result.isAllowed || !result.isExceeded) return;
      const message = `more than ${failuresPerMinuteMax} calls of ${request.ip} within a minute had no valid token`;
      throw new AppError('too_many_attempts', message, { details: { retryAfterSeconds: result.ttlInSeconds } });
    },
  };
}

function createLimiters(server: CountingServer, callsPerSecond: number) {
  const keyGenerator = ({ caller }: FastifyRequest) => caller?.limitKey ?? '';
  return {
    calls: server.createRateLimit({ max: callsPerSecond, timeWindow: 1_000, keyGenerator }),
    failures: server.createRateLimit({ max: failuresPerMinuteMax, timeWindow: 60_000 }),
  };
}
