/** Serves /container/:id/exec: a command inside a running container, its input and output over a WebSocket. */

import { type Static, Type } from '@sinclair/typebox';
import type { FastifyRequest } from 'fastify';
import { AppError } from '../../errors.ts';
import { argumentCharactersMax, argumentsMax, type ExecOptions } from '../../model/stream.ts';
import type { ClientStream } from '../../streams/client-stream.ts';
import { runExec } from '../../streams/run-exec.ts';
import { abortSignalOf } from '../request/abort-signal.ts';
import { refuseForeignSite } from '../request/origin.ts';
import { serveExec } from '../response/exec-socket.ts';
import { refuseField } from '../response/problem.ts';
import { empty, oneOf } from '../schema/schema.ts';
import { RunningContainerParams, streamRefusals } from './logs.ts';
import { actorOf, type HttpDeps, type Server } from './route.ts';

const Argument = Type.String({
  minLength: 1,
  maxLength: argumentCharactersMax,
  pattern: '^[^\\u0000\\ud800-\\udfff]*$',
});
const Cells = Type.String({ pattern: '^[1-9][0-9]{0,3}$', maxLength: 4 });

const ExecQuery = Type.Object(
  {
    command: Type.Unsafe<string | string[]>({
      anyOf: [Argument, { type: 'array', items: Argument, minItems: 1, maxItems: argumentsMax }],
      description: 'the program, and its arguments: once for each, in their order',
    }),
    tty: Type.Optional(oneOf(['true', 'false'], 'true: under a terminal')),
    stdin: Type.Optional(oneOf(['true', 'false'], 'true: with input')),
    columns: Type.Optional(Cells),
    rows: Type.Optional(Cells),
  },
  { additionalProperties: false },
);
type ExecQuery = Static<typeof ExecQuery>;

const summary = 'Runs a command in a running container, over a WebSocket';
const description = `Binary messages are bytes: of the client its input, of the server its output, after a first byte that is 1 for stdout
and 2 for stderr. Messages of text are JSON: \`{"kind":"resize","columns":80,"rows":24}\` and \`{"kind":"input end"}\` of the client,
\`{"kind":"end","exitCode":0}\` of the server, the last one, with a \`problem\` instead where it did not come to its own end.
Who ran what, and how it ended, is in the log.`;

type Deps = Pick<HttpDeps, 'projector' | 'clock' | 'logger' | 'log' | 'streams'>;

declare module 'fastify' {
  interface FastifyRequest {
    /** Of a command that was started for it. */
    execStream: ClientStream | null;
  }
}

export function addExecRoutes(server: Server, deps: Deps, { signal }: { signal: AbortSignal }): void {
  const { logger, streams: client } = deps;
  server.decorateRequest('execStream', null);
  server.route<{ Params: { id: string }; Querystring: ExecQuery }>({
    method: 'GET',
    url: '/container/:id/exec',
    exposeHeadRoute: false,
    config: {
      scope: 'write',
      isLong: true,
      refusals: [
        ...(['container_not_found', 'exec_failed', 'upgrade_required', 'cross_site', 'query_contradictory'] as const),
        ...(['log_unavailable', 'log_busy', 'log_closed'] as const),
        ...streamRefusals,
      ],
    },
    schema: {
      operationId: 'execInContainer',
      tags: ['containers'],
      summary,
      description,
      params: RunningContainerParams,
      querystring: ExecQuery,
      response: { 101: empty('The command runs: the WebSocket is open') },
    },
    // Before the answer becomes a WebSocket, so that a refusal is a problem document.
    async preHandler(request, reply) {
      if (!request.ws)
        throw new AppError('upgrade_required', 'a command is run over a WebSocket: upgrade the connection');
      // A browser opens a WebSocket to any site, with its cookies.
      refuseForeignSite({ headers: request.headers, method: 'UPGRADE' });
      const ending = abortSignalOf(reply, signal);
      request.execStream = await runExec({ ...deps, client }, toRequest(request), ending);
    },
    handler() {
      throw new AppError('upgrade_required', 'a command is run over a WebSocket');
    },
    wsHandler(socket, request) {
      if (request.execStream) serveExec(socket, request.execStream, { logger, stopping: signal });
      else socket.terminate();
    },
  });
}

function toRequest(request: FastifyRequest<{ Params: { id: string }; Querystring: ExecQuery }>) {
  return {
    container: request.params.id,
    options: toOptions(request.query),
    actor: actorOf(request),
    requestId: request.id,
  };
}

/** @throws AppError `query_contradictory` */
function toOptions({ command, tty, stdin, columns, rows }: ExecQuery): ExecOptions {
  if ((columns === undefined) !== (rows === undefined)) {
    throw refuseField('query_contradictory', columns === undefined ? 'columns' : 'rows', 'belongs to the other one');
  }
  const size = columns === undefined ? null : { columns: Number(columns), rows: Number(rows) };
  if (size && tty !== 'true') throw refuseField('query_contradictory', 'columns', 'is of a terminal: give tty=true');
  return { command: [command].flat(), tty: tty === 'true', stdin: stdin === 'true', size };
}
