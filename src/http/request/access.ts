/** Admits calls: who calls, whether the token allows it, how often; and ends answers whose token is no longer valid. */

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../clock.ts';
import { hasCode } from '../../errors.ts';
import type { Projector } from '../../projections/live/projector.ts';
import { isClientGone } from '../response/client-gone.ts';
import { authorize, type Caller, createAuthenticator, type RouteScope, type Token } from './auth.ts';
import { type CountingServer, createRateLimits } from './rate-limits.ts';

export type Access = {
  /**
   * Sets the caller of the request. A call without a token waits for nothing, which a promise would be: then null.
   * @throws AppError `unauthenticated` · `forbidden` · `host_not_allowed` · `cross_site` · `too_many_requests` · `too_many_attempts`
   */
  admit(request: FastifyRequest, reply: FastifyReply, scope: RouteScope): Promise<void> | null;
  /** Of a token that is no bearer's yet. @throws AppError `unauthenticated` · `too_many_attempts` */
  identifyToken(request: FastifyRequest, text: string): Promise<Caller>;
  close(): void;
};

export type AccessOptions = {
  host: string;
  tokens: readonly Token[];
  /** Of one token; 0: no limit. */
  callsPerSecond: number;
};

/** How long an answer under way outlives its token. */
const recheckEveryMs = 1_000;

export function createAccess(
  server: CountingServer,
  { projector, clock }: { projector: Pick<Projector, 'view'>; clock: Pick<Clock, 'nowMs'> },
  { host, tokens, callsPerSecond }: AccessOptions,
): Access {
  const deps = { issued: () => projector.view.tokens, nowMs: () => clock.nowMs() };
  const authenticator = createAuthenticator(deps, { host, tokens });
  const limits = createRateLimits(server, { callsPerSecond });
  const underWay = new Map<FastifyReply, Caller>();

  const endRevoked = () => {
    for (const [reply, caller] of underWay) if (!authenticator.isStillValid(caller)) reply.raw.destroy();
  };
  const timer = setInterval(endRevoked, recheckEveryMs).unref();

  const countIfUnauthenticated = async (request: FastifyRequest, error: unknown): Promise<never> => {
    if (hasCode(error, 'unauthenticated')) await limits.countFailure(request);
    throw error;
  };

  const admitCounted = async (
    request: FastifyRequest,
    reply: FastifyReply,
    { caller, scope }: { caller: Caller; scope: RouteScope },
  ) => {
    await limits.countCall(request, caller);
    authorize(caller, scope);
    // A token to join by is used up by the call itself.
    if (caller.token === null || scope === 'join' || isClientGone(request)) return;
    underWay.set(reply, caller);
    reply.raw.once('close', () => underWay.delete(reply));
  };

  return {
    admit(request, reply, scope) {
      let caller: Caller | null;
      try {
        caller = authenticator.identify(request, scope);
      } catch (error) {
        return countIfUnauthenticated(request, error);
      }
      request.caller = caller;
      if (caller === null) return null;
      if (caller.limitKey !== null) return admitCounted(request, reply, { caller, scope });
      authorize(caller, scope);
      return null;
    },
    async identifyToken(request, text) {
      try {
        return authenticator.findToken(text);
      } catch (error) {
        return countIfUnauthenticated(request, error);
      }
    },
    close: () => clearInterval(timer),
  };
}
