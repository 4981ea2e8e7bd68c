/**
 * Runs the HTTP server: limits, authentication, error responses, recording and measuring of calls, and the shutdown. What
 * a route does is in `routes/`.
 */

import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { Type } from '@sinclair/typebox';
import { type FastifyContextConfig, type FastifyError, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import type { Clock } from '../clock.ts';
import { AppError } from '../errors.ts';
import { queueTimeoutMsDefault } from '../model/container.ts';
import { nodeTimeoutMsDefault } from '../model/node.ts';
import { createCommandHandler } from '../reconciler/append/command-handler.ts';
import { type CallRecorder, createCallRecorder, flushEveryMsDefault } from './audit/call-record.ts';
import { authorize, createAuthenticator, type Token } from './request/auth.ts';
import { refuseSchema, type SchemaError } from './request/validation.ts';
import { eventStreamType } from './response/event-stream.ts';
import { parseJsonBody } from './response/json-body.ts';
import { type Problem, problemCodes, problemContentType, problemOf, retryAfterSeconds } from './response/problem.ts';
import { docsContentPolicy, securityHeaders } from './response/security-headers.ts';
import { answerUnreadable } from './response/socket-problem.ts';
import { createRouteTable } from './route-table.ts';
import { addDiffRoutes } from './routes/diff.ts';
import { addEventRoutes } from './routes/events.ts';
import { addHealthRoutes } from './routes/health.ts';
import { addNodeRoutes } from './routes/node.ts';
import type { HttpDeps, Server } from './routes/route.ts';
import { addServiceRoutes } from './routes/service.ts';
import { addStateRoutes } from './routes/state.ts';
import { createSubmit } from './routes/submit.ts';
import { addWhatIfRoutes } from './routes/what-if.ts';
import { addWhyRoutes } from './routes/why.ts';

export type HttpServer = {
  /** @throws AppError `port_taken` */
  listen(): Promise<{ url: string }>;
  /** Ends streams and long reads, finishes calls in flight (at most 3 s), records the last calls (at most 1 s). */
  close(): Promise<void>;
};

export type HttpOptions = {
  /** Default 127.0.0.1. An address beyond loopback needs tokens. */
  host?: string;
  /** 0: any free port. */
  port: number;
  /** Of this program, as the OpenAPI document has it. */
  version: string;
  tokens?: readonly Token[];
  /** How often reads and refusals are recorded. Default and maximum 1 000. */
  recordEveryMs?: number;
  /** As the reconciler beside it has them. */
  nodeTimeoutMs?: number;
  queueTimeoutMs?: number;
};

/** A body of 500 services is well below. */
const bodyBytesMax = 1024 * 1024;
/** How long a request may take to arrive in full. */
const requestTimeoutMs = 10_000;
/** Several hundred clients and the followers; further connections are refused. */
const connectionsMax = 1_024;
const drainMs = 3_000;

const noQuery = Type.Object({}, { additionalProperties: false });

/** What is true of a cluster ages at once. The files of the documentation have a policy of their own. */
const apiHeaders = { ...securityHeaders, 'cache-control': 'no-store' };

/** The documentation's plugin cannot declare the scope of its routes. */
const docsPrefix = '/docs';

/** @throws AppError `tokens_required`: bound beyond loopback without tokens */
export function createHttpServer(deps: HttpDeps, options: HttpOptions): HttpServer {
  const { host = '127.0.0.1', port, version, tokens = [], recordEveryMs = flushEveryMsDefault } = options;
  const { nodeTimeoutMs = nodeTimeoutMsDefault, queueTimeoutMs = queueTimeoutMsDefault } = options;
  const authenticator = createAuthenticator({ host, tokens });
  const { managerId, cluster } = deps.status();
  const recorder = createCallRecorder(deps, { actor: `manager:${managerId}`, flushEveryMs: recordEveryMs });
  const ending = new AbortController();
  const finishCall: FinishCall = (request, reply, arrival) => {
    const durationMs = deps.clock.monotonicMs() - arrival.startedMs;
    const status = statusOf(request, reply);
    recordCall(recorder, request, arrival, { status, durationMs });
    // An event stream lasts as long as its client wants: its duration says nothing about the server.
    if (String(reply.getHeader('content-type')).startsWith(eventStreamType)) return;
    deps.metrics.observeCall({ method: request.method, route: arrival.route, status, durationMs });
  };
  const server = createFastify(deps, finishCall);

  server.addHook('onRequest', (request, reply, done) => {
    const arrival = toArrival(request, deps.clock);
    // At the end of a response, and also when the client disconnects before it.
    reply.raw.once('close', () => finishCall(request, reply, arrival));
    reply.headers(arrival.route?.startsWith(docsPrefix) ? securityHeaders : apiHeaders);
    const scope = arrival.config.scope ?? 'read';
    try {
      const caller = authenticator.identify(request.headers, request.method, scope);
      request.actor = caller?.actor ?? null;
      if (caller) authorize(caller, scope);
      done();
    } catch (error) {
      done(error as Error);
    }
  });

  const routes = createRouteTable();
  server.addHook('onRoute', (route) => {
    const config = { ...route.config };
    if (route.url.startsWith(docsPrefix)) Object.assign(config, { scope: 'read', isRecorded: false });
    if (!config.scope) throw new Error(`${route.method} ${route.url} does not declare its scope`);
    route.config = config;
    // A parameter that is not understood is refused, on routes that take none as well.
    if (!route.url.startsWith(docsPrefix)) route.schema = { querystring: noQuery, ...route.schema };
    routes.add(route.method, route.url);
  });
  server.setNotFoundHandler((request, reply) => {
    const [path = ''] = request.url.split('?');
    const allowed = routes.methodsOf(path);
    if (allowed.length === 0) throw new AppError('route_not_found', 'no route has this path');
    reply.header('allow', allowed.join(', '));
    throw new AppError('method_not_allowed', `this path takes ${allowed.join(', ')}`);
  });

  addDocumentation(server, version);
  server.register(async (scope: Server) => {
    const submit = createSubmit(createCommandHandler(deps, { nodeTimeoutMs }), { clusterId: cluster.id });
    addServiceRoutes(scope, deps, submit);
    addNodeRoutes(scope, submit);
    addStateRoutes(scope, deps);
    addWhyRoutes(scope, deps, { signal: ending.signal });
    addDiffRoutes(scope, deps, { signal: ending.signal });
    addEventRoutes(scope, deps, { signal: ending.signal });
    addWhatIfRoutes(scope, deps, { nodeTimeoutMs, queueTimeoutMs, signal: ending.signal });
    addHealthRoutes(scope, deps);
  });

  return {
    listen: () => listen(server, host, port),
    async close() {
      ending.abort(new AppError('stopping', 'the manager is stopping', { retryable: true }));
      const force = setTimeout(() => server.server.closeAllConnections(), drainMs);
      await server.close();
      clearTimeout(force);
      await recorder.close();
    },
  };
}

function addDocumentation(server: Server, version: string): void {
  server.register(swagger, {
    openapi: { openapi: '3.1.0', info: { title: 'container-orchestrator', version } },
  });
  server.register(swaggerUi, { routePrefix: docsPrefix, staticCSP: docsContentPolicy });
}

/** @throws AppError `port_taken` */
async function listen(server: Server, host: string, port: number): Promise<{ url: string }> {
  try {
    await server.listen({ host, port });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new AppError('port_taken', `port ${port} of ${host} is in use by another program`, { cause: error });
  }
  server.server.maxConnections = connectionsMax;
  const address = server.server.address();
  const bound = typeof address === 'object' && address ? address.port : port;
  return { url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}` };
}

/** Of a request, read once: `routeOptions` makes a new object each time. */
type Arrival = { startedMs: number; route: string | null; config: FastifyContextConfig };

function toArrival(request: FastifyRequest, clock: Pick<Clock, 'monotonicMs'>): Arrival {
  const { url: route = null, config } = request.routeOptions;
  return { startedMs: clock.monotonicMs(), route, config };
}

type FinishCall = (request: FastifyRequest, reply: FastifyReply, arrival: Arrival) => void;

function createFastify({ clock, logger }: Pick<HttpDeps, 'clock' | 'logger'>, finishCall: FinishCall): Server {
  const idPrefix = randomUUID().slice(0, 8);
  let requests = 0;
  const server = fastify({
    logger: false,
    genReqId: () => {
      requests += 1;
      return `${idPrefix}-${requests.toString(36)}`;
    },
    bodyLimit: bodyBytesMax,
    clientErrorHandler: ({ code }, socket) => answerUnreadable(code, socket as Socket),
    requestTimeout: requestTimeoutMs,
    // Calls on open connections are still served while those in flight are finished.
    return503OnClosing: false,
    ajv: {
      customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, strict: true, verbose: true },
    },
    // Hooks do not run for a path that cannot be routed, so it is recorded and measured here.
    frameworkErrors(error, request, reply) {
      const arrival = toArrival(request as FastifyRequest, clock);
      request.actor = null;
      sendProblem(request as FastifyRequest, reply as unknown as FastifyReply, problemOf(toAppError(error)));
      finishCall(request as FastifyRequest, reply as unknown as FastifyReply, arrival);
    },
  }) as unknown as Server;

  server.decorateRequest('actor', null);
  server.decorateRequest('problem', null);
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    try {
      // Clients that always send this content type call routes without a body, too.
      const isExpected = request.routeOptions.schema?.body !== undefined;
      done(null, body.length === 0 && !isExpected ? undefined : parseJsonBody(body as Buffer));
    } catch (error) {
      done(error as Error);
    }
  });
  server.setErrorHandler((error, request, reply) => {
    const problem = problemOf(toAppError(error as FastifyError));
    if (problem.status >= 500) {
      const fields = { err: error, requestId: request.id, code: problem.code };
      if (problem.code === 'internal') logger.error(fields, 'a call failed');
      else logger.warn(fields, 'a call could not be served');
    }
    return sendProblem(request, reply, problem);
  });
  return server;
}

const frameworkCodes: Record<string, keyof typeof problemCodes> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'content_type_unsupported',
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_MAX_PARAM_LENGTH: 'path_invalid',
  FST_ERR_BAD_URL: 'path_invalid',
};

const frameworkDetails: Partial<Record<keyof typeof problemCodes, string>> = {
  content_type_unsupported: 'send the body as application/json',
  body_too_large: `a body has at most ${bodyBytesMax} bytes`,
  path_invalid: 'the path is not a valid one',
};

/** The framework's own messages are not shown: some quote what was sent. */
function toAppError(error: FastifyError): unknown {
  if (error instanceof AppError) return error;
  if (error.validation) {
    return refuseSchema(error.validation as unknown as SchemaError[], error.validationContext ?? 'request');
  }
  const code = frameworkCodes[error.code];
  if (code) return new AppError(code, frameworkDetails[code] ?? problemCodes[code].title);
  const { statusCode = 500 } = error;
  if (statusCode === 408) return new AppError('request_timeout', problemCodes.request_timeout.title);
  if (statusCode < 500) return new AppError('request_invalid', `the request cannot be understood (${error.code})`);
  return error;
}

function sendProblem(request: FastifyRequest, reply: FastifyReply, problem: Problem): FastifyReply {
  request.problem = problem;
  if (problem.status === 503) reply.header('retry-after', retryAfterSeconds);
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer');
  return reply
    .code(problem.status)
    .header('x-request-id', request.id)
    .header('content-type', problemContentType)
    .serializer((body: unknown) => JSON.stringify(body))
    .send(problem);
}

/** Records every call of the API but accepted changes, which are events themselves. */
function recordCall(
  recorder: CallRecorder,
  request: FastifyRequest,
  { config }: Arrival,
  result: { status: number; durationMs: number },
): void {
  if (config.isRecorded === false && request.problem === null) return;
  const { method, url, id: requestId, actor, problem } = request;
  const isRead = method === 'GET' || method === 'HEAD' || config.scope === 'read';
  const call = { actor: actor ?? 'unknown', requestId, method, path: url, ...result };
  if (isRead || actor === null) recorder.recordRead(call);
  else if (problem) recorder.recordRefusal({ ...call, code: problem.code, detail: problem.detail });
}

/** Of the response, or 499 when the client disconnected before it. */
const statusOf = ({ problem }: FastifyRequest, reply: FastifyReply): number =>
  problem?.status ?? (reply.raw.headersSent ? reply.statusCode : problemCodes.client_gone.status);
