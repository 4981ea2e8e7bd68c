/** Defines what all routes share: the type of the server, the configuration of a route, the members of a request. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest, RawServerDefault } from 'fastify';
import type { Clock } from '../../clock.ts';
import type { EventLog } from '../../events/log/event-log.ts';
import type { TimeTravel } from '../../history/replay/past-views.ts';
import type { Logger } from '../../logger.ts';
import type { Projector } from '../../projections/live/projector.ts';
import type { StreamClient } from '../../streams/stream-client.ts';
import type { Caller, RouteScope } from '../request/auth.ts';
import type { HttpMetrics } from '../response/metrics.ts';
import { type Problem, type ProblemCode, refuseField } from '../response/problem.ts';
import type { ControlPlaneStatus } from '../response/status.ts';

export type Server = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/** Dependencies of routes. */
export type HttpDeps = {
  log: EventLog;
  projector: Projector;
  /** Views of the past. */
  past: Pick<TimeTravel, 'viewAt' | 'positionAt'>;
  clock: Clock;
  logger: Logger;
  status: () => ControlPlaneStatus;
  metrics: HttpMetrics;
  /** To the agents. */
  streams: StreamClient;
};

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Required: the server does not start with a route without it. */
    scope?: RouteScope;
    /** false: not an API call (probes, metrics, the pages of the documentation), so not in the log. Default true. */
    isRecorded?: boolean;
    /** It lasts as long as its client wants: its duration says nothing about the server, and it holds little of what it sends. */
    isLong?: boolean;
    /** What it refuses for reasons of its own; the document adds what all routes of its kind refuse. */
    refusals?: readonly ProblemCode[];
  }
  interface FastifyRequest {
    /** null before authentication, and on open routes. */
    caller: Caller | null;
    /** The refusal this request was answered with. */
    problem: Problem | null;
  }
}

/** For routes that require a caller: authentication has run before them. */
export function actorOf({ caller }: Pick<FastifyRequest, 'caller'>): string {
  if (caller === null) throw new Error('a route that changes things is open to all');
  return caller.actor;
}

/** Refuses every body but an empty one: its fields would be unknown ones. @throws AppError `body_invalid` */
export function refuseBody({ body }: { body: unknown }): void {
  if (body == null || (typeof body === 'object' && Object.keys(body).length === 0)) return;
  throw refuseField('body_invalid', 'body', 'must be empty here');
}
