/**
 * Runs the HTTP server: limits, authentication, error responses, recording and measuring of calls, and the shutdown. What
 * a route does is in `routes/`.
 */

import rateLimit from '@fastify/rate-limit';
import websocket from '@fastify/websocket';
import { Type } from '@sinclair/typebox';
import type { FastifyContextConfig, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../clock.ts';
import { AppError } from '../errors.ts';
import { queueTimeoutMsDefault } from '../model/container.ts';
import { callsPerSecondDefault, connectionsPerAddressDefault } from '../model/limits.ts';
import { nodeTimeoutMsDefault } from '../model/node.ts';
import { createCommandHandler } from '../reconciler/append/command-handler.ts';
import type { Vault } from '../secrets/vault.ts';
import { type CallRecorder, createCallRecorder, flushEveryMsDefault } from './audit/call-record.ts';
import { limitConnections } from './connections.ts';
import { addDocumentation, docsPrefix } from './document/open-api.ts';
import { createFastify } from './fastify.ts';
import { type Access, createAccess } from './request/access.ts';
import type { Token } from './request/auth.ts';
import type { Members } from './request/members.ts';
import { callersMax } from './request/rate-limits.ts';
import { type AnswerLimits, createAnswerLimits } from './response/answer-limits.ts';
import { createByteBudget } from './response/byte-budget.ts';
import { isClientGone } from './response/client-gone.ts';
import { eventStreamType } from './response/event-stream.ts';
import { socketPayloadBytesMax } from './response/exec-socket.ts';
import { type Problem, problemCodes } from './response/problem.ts';
import { securityHeaders } from './response/security-headers.ts';
import { createRouteTable } from './route-table.ts';
import { addContainerRoutes } from './routes/container.ts';
import { addDensityRoutes } from './routes/density.ts';
import { addDiffRoutes } from './routes/diff.ts';
import { createSuppose, createTryDry } from './routes/dry-run.ts';
import { addEventRoutes } from './routes/events.ts';
import { addExecRoutes } from './routes/exec.ts';
import { addHealthRoutes } from './routes/health.ts';
import { addJoinRoutes } from './routes/join.ts';
import { addLoginRoutes } from './routes/login.ts';
import { addLogRoutes } from './routes/logs.ts';
import { addNodeRoutes } from './routes/node.ts';
import { addPageRoutes, isPageRoute } from './routes/page.ts';
import { addRegistryRoutes } from './routes/registry.ts';
import { addReleaseRoutes } from './routes/release.ts';
import type { HttpDeps, Server } from './routes/route.ts';
import { addServiceRoutes } from './routes/service.ts';
import { addSessionRoutes } from './routes/session.ts';
import { createSimulate } from './routes/simulate.ts';
import { addStateRoutes } from './routes/state.ts';
import { addStatsRoutes } from './routes/stats.ts';
import { createSubmit } from './routes/submit.ts';
import { addTokenRoutes } from './routes/token.ts';
import { addViewRoutes } from './routes/view.ts';
import { addWhatIfRoutes } from './routes/what-if.ts';
import { addWhyRoutes } from './routes/why.ts';
import type { ServerTls } from './server-tls.ts';

export type HttpServer = {
  /** @throws AppError `port_taken` */
  listen(): Promise<{ url: string }>;
  /** Ends streams and long reads, finishes calls in flight (at most 3 s), records the last calls (at most 1 s). */
  close(): Promise<void>;
};

export type HttpOptions = {
  /** Default 127.0.0.1. Beyond loopback every caller needs a token. */
  host?: string;
  /** 0: any free port. */
  port: number;
  /** Default: plain HTTP. */
  tls?: ServerTls | null;
  /** Default: no node can join. */
  members?: Members | null;
  /** Default: this manager keeps no secrets. */
  vault?: Vault | null;
  /** Of this program, as the OpenAPI document has it. */
  version: string;
  /** Beside those of the log. */
  tokens?: readonly Token[];
  /** Of one token. 0: no limit. */
  callsPerSecond?: number;
  /** Of one address, which may be that of a proxy. */
  connectionsPerAddress?: number;
  /** How often reads and refusals are recorded. Default and maximum 1 000. */
  recordEveryMs?: number;
  /** As the reconciler beside it has them. */
  nodeTimeoutMs?: number;
  queueTimeoutMs?: number;
};

/** Several hundred clients and the followers. */
const connectionsMax = 1_024;
const drainMs = 3_000;
const listenersMax = 20;
/** Became a WebSocket. */
const upgradedStatus = 101;
/** Of all answers that wait for their clients, streams included. */
const answerBytes = { ofAll: 64 * 1024 * 1024, ofCaller: 32 * 1024 * 1024 };

const noQuery = Type.Object({}, { additionalProperties: false });

/** What is true of a cluster ages at once. The files of the documentation have a policy of their own. */
const apiHeaders = { ...securityHeaders, 'cache-control': 'no-store' };

export function createHttpServer(deps: HttpDeps, options: HttpOptions): HttpServer {
  const {
    host = '127.0.0.1',
    port,
    tls = null,
    members = null,
    vault = null,
    version,
    tokens = [],
    recordEveryMs = flushEveryMsDefault,
  } = options;
  const { nodeTimeoutMs = nodeTimeoutMsDefault, queueTimeoutMs = queueTimeoutMsDefault } = options;
  const { callsPerSecond = callsPerSecondDefault, connectionsPerAddress = connectionsPerAddressDefault } = options;
  const { managerId, cluster } = deps.status();
  const recorder = createCallRecorder(deps, { actor: `manager:${managerId}`, flushEveryMs: recordEveryMs });
  const ending = new AbortController();
  const finishCall: FinishCall = (request, reply, arrival) => {
    const durationMs = deps.clock.monotonicMs() - arrival.startedMs;
    const status = statusOf(request, reply);
    recordCall(recorder, request, arrival, { status, durationMs });
    if (arrival.config.isLong || String(reply.getHeader('content-type')).startsWith(eventStreamType)) return;
    deps.metrics.observeCall({ method: request.method, route: arrival.route, status, durationMs });
  };
  const server = createFastify({
    logger: deps.logger,
    tls,
    onUnroutable: (request, reply) => finishCall(request, reply, toArrival(request, deps.clock)),
  });
  limitConnections(server.server, { ofAll: connectionsMax, ofAddress: connectionsPerAddress });
  server.register(websocket, { options: { maxPayload: socketPayloadBytesMax, perMessageDeflate: false } });
  server.register(rateLimit, { global: false, cache: callersMax });
  const access = createAccess(server, deps, { host, tokens, callsPerSecond });

  const budget = createByteBudget(answerBytes);
  addCallHooks(server, { access, limits: createAnswerLimits(budget), clock: deps.clock, finishCall });
  declareRoutes(server);
  addDocumentation(server, version);
  server.register(async (scope: Server) => {
    const submit = createSubmit(createCommandHandler(deps, { nodeTimeoutMs }), { clusterId: cluster.id });
    const simulate = createSimulate(ending.signal);
    const tryDry = createTryDry({ ...deps, clusterId: cluster.id }, { nodeTimeoutMs, queueTimeoutMs, simulate });
    const suppose = createSuppose({ ...deps, clusterId: cluster.id }, { nodeTimeoutMs });
    addServiceRoutes(scope, deps, { submit, tryDry });
    addReleaseRoutes(scope, deps, { submit, tryDry, stopping: ending.signal });
    addNodeRoutes(scope, deps, { submit, tryDry, members });
    addContainerRoutes(scope, deps);
    addLogRoutes(scope, deps, { signal: ending.signal });
    addStatsRoutes(scope, deps, { signal: ending.signal });
    addExecRoutes(scope, deps, { signal: ending.signal });
    addJoinRoutes(scope, members, submit);
    addTokenRoutes(scope, deps, { submit, suppose });
    addRegistryRoutes(scope, { ...deps, vault }, { submit, suppose });
    addStateRoutes(scope, deps);
    addViewRoutes(scope, deps);
    addDensityRoutes(scope, deps);
    addSessionRoutes(scope);
    addWhyRoutes(scope, deps, { signal: ending.signal });
    addDiffRoutes(scope, deps, { signal: ending.signal });
    addEventRoutes(scope, deps, { signal: ending.signal, budget });
    addWhatIfRoutes(scope, deps, { nodeTimeoutMs, queueTimeoutMs, simulate });
    addHealthRoutes(scope, deps);
    addPageRoutes(scope);
  });
  server.register(async (scope: Server) => addLoginRoutes(scope, access));

  return {
    listen: () => listen(server, { host, port, scheme: tls ? 'https' : 'http' }),
    async close() {
      ending.abort(new AppError('stopping', 'the manager is stopping', { retryable: true }));
      const force = setTimeout(() => server.server.closeAllConnections(), drainMs);
      await server.close();
      clearTimeout(force);
      access.close();
      await recorder.close();
    },
  };
}

/** Every route has a scope, takes the parameters it declares and no others, and is known to those who ask for another method. */
function declareRoutes(server: Server): void {
  const routes = createRouteTable();
  server.addHook('onRoute', (route) => {
    const config = { ...route.config };
    if (route.url.startsWith(docsPrefix)) Object.assign(config, { scope: 'read', isRecorded: false });
    if (!config.scope) throw new Error(`${route.method} ${route.url} does not declare its scope`);
    route.config = config;
    // A parameter that is not understood is refused, on routes that take none as well.
    const isOfApi = !route.url.startsWith(docsPrefix) && !isPageRoute(route.url);
    if (isOfApi && !route.schema?.operationId) throw new Error(`${route.method} ${route.url} has no operationId`);
    if (isOfApi) route.schema = { querystring: noQuery, ...route.schema };
    routes.add(route.method, route.url);
  });
  // Before a body is looked at: what a method needs says nothing about a path that does not have it.
  server.addHook('onRequest', (request, reply, done) => {
    if (!request.is404) return done();
    const [path = ''] = request.url.split('?');
    const allowed = routes.methodsOf(path);
    if (allowed.length === 0) return done(new AppError('route_not_found', 'no route has this path'));
    reply.header('allow', allowed.join(', '));
    done(new AppError('method_not_allowed', `this path takes ${allowed.join(', ')}`));
  });
}

type CallHooks = { access: Access; limits: AnswerLimits; clock: HttpDeps['clock']; finishCall: FinishCall };

/** What each call passes through. Hooks with a callback: a promise for each would cost a tenth of a read. */
function addCallHooks(server: Server, { access, limits, clock, finishCall }: CallHooks): void {
  server.addHook('onRequest', (request, reply, done) => {
    const goOn = () => (isClientGone(request) ? void reply.hijack() : done());
    // Closed for more requests at once than it may have: the rest of them came in the same piece.
    if (isClientGone(request)) return void reply.hijack();
    const arrival = toArrival(request, clock);
    // Half a dozen of ours, each once, beside those of a stream: Node.js warns at eleven.
    reply.raw.setMaxListeners(listenersMax);
    // At the end of a response, and also when the client disconnects before it.
    reply.raw.once('close', () => finishCall(request, reply, arrival));
    reply.headers(arrival.route?.startsWith(docsPrefix) ? securityHeaders : apiHeaders);
    try {
      const admitted = access.admit(request, reply, arrival.config.scope ?? 'read');
      if (admitted === null) goOn();
      else admitted.then(goOn, done);
    } catch (error) {
      done(error as Error);
    }
  });

  server.addHook('onSend', (request, reply, payload, done) => {
    try {
      limits.admit(request, reply, payload);
      done(null, payload);
    } catch (error) {
      done(error as Error);
    }
  });
}

/** @throws AppError `port_taken` */
async function listen(
  server: Server,
  { host, port, scheme }: { host: string; port: number; scheme: string },
): Promise<{ url: string }> {
  try {
    await server.listen({ host, port });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new AppError('port_taken', `port ${port} of ${host} is in use by another program`, { cause: error });
  }
  const address = server.server.address();
  const bound = typeof address === 'object' && address ? address.port : port;
  return { url: `${scheme}://${host.includes(':') ? `[${host}]` : host}:${bound}` };
}

/** Of a request, read once: `routeOptions` makes a new object each time. */
type Arrival = { startedMs: number; route: string | null; config: FastifyContextConfig };

function toArrival(request: FastifyRequest, clock: Pick<Clock, 'monotonicMs'>): Arrival {
  const { url: route = null, config } = request.routeOptions;
  return { startedMs: clock.monotonicMs(), route, config };
}

type FinishCall = (request: FastifyRequest, reply: FastifyReply, arrival: Arrival) => void;

/** Records every call of the API but accepted changes, which are events themselves. */
function recordCall(
  recorder: CallRecorder,
  request: FastifyRequest,
  { config }: Arrival,
  result: { status: number; durationMs: number },
): void {
  if (config.isRecorded === false && request.problem === null) return;
  const { method, url, id: requestId, caller, problem } = request;
  const isRead = method === 'GET' || method === 'HEAD' || config.scope === 'read';
  const attempt = problem && isAttempt(problem) ? { address: request.ip } : {};
  const call = { ...attempt, actor: caller?.actor ?? 'unknown', requestId, method, path: url, ...result };
  if (isRead || caller === null) recorder.recordRead(call);
  else if (problem)
    recorder.recordRefusal({ ...call, address: request.ip, code: problem.code, detail: problem.detail });
}

/** Of the response, or 499 when the client disconnected before it. */
const statusOf = ({ problem, execStream }: FastifyRequest, reply: FastifyReply): number => {
  if (problem) return problem.status;
  if (execStream) return upgradedStatus;
  return reply.raw.headersSent ? reply.statusCode : problemCodes.client_gone.status;
};

/** Of someone who may not, or too often. */
const isAttempt = ({ status }: Problem) => status === 401 || status === 403 || status === 429;
