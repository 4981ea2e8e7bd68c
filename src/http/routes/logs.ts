/** Serves what containers print: one container, or all of a service. */

import { type Static, Type } from '@sinclair/typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ContainerId } from '../../model/ids.ts';
import { type LogOptions, tailMax } from '../../model/stream.ts';
import type { LogPiece } from '../../streams/log-piece.ts';
import { readContainerLogs, readServiceLogs } from '../../streams/read-logs.ts';
import { abortSignalOf } from '../request/abort-signal.ts';
import { Time, toTime } from '../request/point-in-time.ts';
import { NameParams } from '../request/service-schema.ts';
import { eventStreamType } from '../response/event-stream.ts';
import { type LogFormat, logsAsText } from '../response/log-stream.ts';
import { sendChunks } from '../response/sent-stream.ts';
import { oneOf } from '../schema/schema.ts';
import { LogLineAnswer } from '../schema/streams.ts';
import type { HttpDeps, Server } from './route.ts';

export const RunningContainerParams = Type.Object(
  { id: Type.String({ ...ContainerId, description: 'the id of a container that runs', examples: ['web.1-4m'] }) },
  { additionalProperties: false },
);

const LogsQuery = Type.Partial(
  Type.Object({
    follow: oneOf(['true', 'false'], 'true: goes on with what is printed from now on'),
    tail: Type.String({
      pattern: '^(0|[1-9][0-9]{0,4}|100000|all)$',
      maxLength: 6,
      description: `begins with so many of the last lines, at most ${tailMax}, or all; without it all, 100 where it follows`,
      examples: ['10'],
    }),
    since: Time,
    timestamps: oneOf(['true', 'false'], 'true: each line with its time'),
    format: oneOf(['ndjson', 'sse'], 'ndjson or sse'),
  }),
  { additionalProperties: false },
);
type LogsQuery = Static<typeof LogsQuery>;

const followTailDefault = 100;

/** Why none begins. */
export const streamRefusals = [
  'container_not_running',
  'node_silent',
  'agent_too_old',
  'engine_unavailable',
  'streams_full',
  'stream_broken',
  'bus_unavailable',
  'stopping',
] as const;

const logFormats = {
  description: 'The lines, one after the other',
  content: {
    'application/x-ndjson': { schema: { $ref: `${LogLineAnswer.$id}#` } },
    [eventStreamType]: { schema: { type: 'string', description: 'an event `line` each, with a LogLine as data' } },
  },
};

type Deps = Pick<HttpDeps, 'projector' | 'clock' | 'logger' | 'streams'>;

export function addLogRoutes(server: Server, deps: Deps, { signal }: { signal: AbortSignal }): void {
  const { projector, logger, streams: client } = deps;

  const send = async (
    request: FastifyRequest,
    reply: FastifyReply,
    read: (options: LogOptions, ending: AbortSignal) => Promise<AsyncGenerator<LogPiece>>,
  ) => {
    const query = request.query as LogsQuery;
    const pieces = await read(toOptions(query), abortSignalOf(reply, signal));
    const format = formatOf(request);
    const type = format === 'sse' ? eventStreamType : 'application/x-ndjson';
    const chunks = logsAsText(pieces, {
      format,
      timestamps: query.timestamps === 'true',
      follow: query.follow === 'true',
    });
    reply.header('vary', 'accept');
    return sendChunks({ request, reply, logger }, `${type}; charset=utf-8`, chunks);
  };

  const config = { scope: 'read', isLong: true } as const;
  server.get(
    '/container/:id/logs',
    {
      config: { ...config, refusals: ['container_not_found', ...streamRefusals] },
      exposeHeadRoute: false,
      schema: {
        operationId: 'readContainerLogs',
        tags: ['containers'],
        summary:
          'What a container printed, and prints; the last lines of one that has ended: application/x-ndjson or text/event-stream',
        params: RunningContainerParams,
        querystring: LogsQuery,
        response: { 200: logFormats },
      },
    },
    (request, reply) =>
      send(request, reply, (options, ending) =>
        readContainerLogs({ client, projector }, request.params.id, options, ending),
      ),
  );

  server.get(
    '/service/:name/logs',
    {
      config: { ...config, refusals: ['service_not_found', ...streamRefusals] },
      exposeHeadRoute: false,
      schema: {
        operationId: 'readServiceLogs',
        tags: ['services'],
        summary: 'What the containers of a service print, each line with its container; new ones too, where it follows',
        params: NameParams,
        querystring: LogsQuery,
        response: { 200: logFormats },
      },
    },
    (request, reply) =>
      send(request, reply, (options, ending) =>
        readServiceLogs({ client, projector }, request.params.name, options, ending),
      ),
  );
}

/** @throws AppError `query_invalid` */
function toOptions({ follow, tail, since }: LogsQuery): LogOptions {
  const isFollowing = follow === 'true';
  const tailWhenNone = isFollowing ? followTailDefault : null;
  return {
    follow: isFollowing,
    tail: tail === undefined ? (since === undefined ? tailWhenNone : null) : tail === 'all' ? null : Number(tail),
    since: since === undefined ? null : toTime('since', since),
  };
}

function formatOf({ query, headers }: FastifyRequest): LogFormat {
  const { format } = query as LogsQuery;
  if (format) return format as LogFormat;
  return headers.accept?.includes(eventStreamType) ? 'sse' : 'ndjson';
}
