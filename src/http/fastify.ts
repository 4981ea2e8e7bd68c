/** Makes the Fastify server: its limits, the parser of bodies, and the problem document of every error. */

import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { type FastifyError, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { AppError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { hostCharactersMax } from '../model/registry.ts';
import { refuseSchema, type SchemaError } from './request/validation.ts';
import { parseJsonBody } from './response/json-body.ts';
import { type Problem, problemCodes, problemContentType, problemOf, retryAfterSeconds } from './response/problem.ts';
import { answerUnreadable } from './response/socket-problem.ts';
import type { Server } from './routes/route.ts';
import { followCertificate, type ServerTls, tlsServerOptions } from './server-tls.ts';

/** A body of 500 services is well below. */
const bodyBytesMax = 1024 * 1024;
/** How long a request may take to arrive in full. */
const requestTimeoutMs = 10_000;
/** A connection on which nothing moves, such as one whose client does not read its answer. Longer than any answer takes. */
const silenceMaxMs = 60_000;
/** And its headers: a silent connection ends after it, and after the next check. */
const headersTimeoutMs = 5_000;
const timeouts = { headersTimeout: headersTimeoutMs, connectionsCheckingInterval: 1_000 };

export type FastifyDeps = {
  logger: Logger;
  /** null: plain HTTP. */
  tls: ServerTls | null;
  /** Of a path that cannot be routed, for which no hook runs: called with its answer. */
  onUnroutable: (request: FastifyRequest, reply: FastifyReply) => void;
};

export function createFastify({ logger, tls, onUnroutable }: FastifyDeps): Server {
  const idPrefix = randomUUID().slice(0, 8);
  let requests = 0;
  const server = fastify({
    logger: false,
    genReqId: () => {
      requests += 1;
      return `${idPrefix}-${requests.toString(36)}`;
    },
    bodyLimit: bodyBytesMax,
    routerOptions: { maxParamLength: hostCharactersMax },
    clientErrorHandler: ({ code }, socket) => answerUnreadable(code, socket as Socket),
    requestTimeout: requestTimeoutMs,
    connectionTimeout: silenceMaxMs,
    ...(tls ? { https: { ...tlsServerOptions(tls.current()), ...timeouts } } : { http: timeouts }),
    // Calls on open connections are still served while those in flight are finished.
    return503OnClosing: false,
    ajv: {
      customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, strict: true, verbose: true },
    },
    frameworkErrors(error, request, reply) {
      request.caller = null;
      sendProblem(request as FastifyRequest, reply as unknown as FastifyReply, problemOf(toAppError(error)));
      onUnroutable(request as FastifyRequest, reply as unknown as FastifyReply);
    },
  }) as unknown as Server;

  if (tls) followCertificate(server.server, tls);
  server.decorateRequest('caller', null);
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
  // Schemas of answers describe them; written by a schema, a member that it lacks would be left out without a word.
  server.setSerializerCompiler(() => (body) => JSON.stringify(body));
  server.setErrorHandler((error, request, reply) => {
    const problem = problemOf(toAppError(error as FastifyError));
    if (problem.status >= 500) {
      const fields = { err: error, requestId: request.id, code: problem.code };
      if (problem.code === 'internal') logger.error(fields, 'a call failed');
      else logger.warn(fields, 'a call could not be served');
    }
    const etag = etagOf(error);
    if (etag !== null) reply.header('etag', etag);
    return sendProblem(request, reply, problem, retryAfterOf(error));
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

/** A limit says when it ends. */
function retryAfterOf(error: unknown): number | null {
  const { retryAfterSeconds: seconds } = error instanceof AppError ? error.details : {};
  return typeof seconds === 'number' ? seconds : null;
}

/** The tag of what is there instead of what a precondition expects. */
function etagOf(error: unknown): string | null {
  const { etag } = error instanceof AppError ? error.details : {};
  return typeof etag === 'string' ? etag : null;
}

function sendProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  problem: Problem,
  retryAfter: number | null = null,
): FastifyReply {
  request.problem = problem;
  if (retryAfter !== null) reply.header('retry-after', retryAfter);
  else if (problem.status === 503) reply.header('retry-after', retryAfterSeconds);
  if (problem.status === 401) {
    if (isPageRequest(request)) return reply.redirect(`/login?next=${encodeURIComponent(request.url)}`, 303);
    reply.header('www-authenticate', 'Bearer');
  }
  return reply
    .code(problem.status)
    .header('x-request-id', request.id)
    .header('content-type', problemContentType)
    .serializer((body: unknown) => JSON.stringify(body))
    .send(problem);
}

/** A person in a browser, who can log in. */
const isPageRequest = ({ method, headers }: FastifyRequest) =>
  method === 'GET' && headers.accept?.includes('text/html') === true;
