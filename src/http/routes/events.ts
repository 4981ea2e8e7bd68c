/** Serves GET /events: the log in pages, as NDJSON up to the head, or as an event stream that follows it. */

import { type Static, Type } from '@sinclair/typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { createSemaphore } from '../../concurrency/semaphore.ts';
import { AppError } from '../../errors.ts';
import type { EventQuery } from '../../events/log/event-log.ts';
import { type EventType, isEventType } from '../../events/schema/catalog.ts';
import { abortSignalOf } from '../request/abort-signal.ts';
import { Position, Time, toTime } from '../request/point-in-time.ts';
import { NodeParam, ServiceNameParam } from '../request/service-schema.ts';
import { callerKeyOf } from '../response/answer-limits.ts';
import type { ByteBudget } from '../response/byte-budget.ts';
import { createEventPage, pageBytesMax } from '../response/event-page.ts';
import { eventStreamType, followAsSse, readAsNdjson } from '../response/event-stream.ts';
import { refuseField } from '../response/problem.ts';
import { sendChunks } from '../response/sent-stream.ts';
import { EventPage, eventTypes } from '../schema/history.ts';
import { oneOf } from '../schema/schema.ts';
import type { HttpDeps, Server } from './route.ts';

const EventsQuery = Type.Partial(
  Type.Object({
    after: Position,
    before: Position,
    limit: Type.String({
      pattern: '^([1-9][0-9]{0,2}|1000)$',
      maxLength: 4,
      examples: ['10'],
      description: 'a number of events from 1 to 1000',
    }),
    direction: oneOf(['forward', 'backward'], 'forward or backward'),
    stream: Type.String({
      pattern: '^[a-z0-9/._-]{1,160}(,[a-z0-9/._-]{1,160})*$',
      maxLength: 1024,
      description: 'names of streams, separated by commas',
      examples: ['service/web,node/worker-1'],
    }),
    type: Type.String({
      pattern: `^(${eventTypes.join('|')})(,(${eventTypes.join('|')}))*$`,
      maxLength: 1024,
      description: 'types of events, separated by commas',
      examples: ['ServiceRequested,ServiceScaled'],
    }),
    service: ServiceNameParam,
    node: NodeParam,
    container: Type.String({ pattern: '^[a-z0-9.-]+$', maxLength: 81, description: 'the id of a container' }),
    since: Time,
    until: Time,
    class: oneOf(['fact', 'telemetry'], 'fact or telemetry'),
    format: oneOf(['json', 'ndjson', 'sse'], 'json or ndjson or sse'),
  }),
  { additionalProperties: false },
);
type EventsQuery = Static<typeof EventsQuery>;

const line = (description: string) => ({ schema: { type: 'string', description } });
const eventFormats = {
  description: 'A page of events, or all up to the head, or all and those to come',
  content: {
    'application/json': { schema: { $ref: `${EventPage.$id}#` } },
    'application/x-ndjson': line('an Event a line'),
    [eventStreamType]: line('events with the position as id, the type as event and an Event as data'),
  },
};

const limitDefault = 100;
/** Each follower costs a read of the log for every commit. */
const followersMax = 100;
/** Pages that are read from the log at once, each with the commits it is looked up in. */
const pagesReadMax = 2;

/** `budget`: of all answers together. */
export type EventRoutesOptions = { signal: AbortSignal; budget: ByteBudget };

export function addEventRoutes(
  server: Server,
  deps: Pick<HttpDeps, 'log' | 'projector' | 'clock' | 'logger'>,
  { signal, budget }: EventRoutesOptions,
): void {
  const { projector, clock, logger } = deps;
  const log = boundReads(deps.log);
  let followers = 0;

  const stream = (
    request: FastifyRequest,
    reply: FastifyReply,
    type: string,
    chunks: ChunkSource,
    onEnd = () => {},
  ) => {
    reply.raw.on('close', onEnd);
    const ending = abortSignalOf(reply, signal);
    return sendChunks({ request, reply, logger }, type, chunks(ending));
  };

  const follow = (request: FastifyRequest, reply: FastifyReply, query: EventQuery) => {
    if (followers >= followersMax) {
      throw new AppError('streams_full', `${followersMax} clients follow the log already`, { retryable: true });
    }
    followers += 1;
    const chunks = (ending: AbortSignal) => followAsSse({ log, projector, clock }, query, ending);
    return stream(request, reply, `${eventStreamType}; charset=utf-8`, chunks, () => {
      followers -= 1;
    });
  };

  server.get(
    '/events',
    {
      config: {
        scope: 'read',
        refusals: ['header_invalid', 'query_contradictory', 'streams_full', 'log_unavailable', 'stopping'],
      },
      exposeHeadRoute: false,
      schema: {
        operationId: 'listEvents',
        tags: ['history'],
        summary: 'The log: JSON pages, application/x-ndjson up to the head, or text/event-stream to follow',
        querystring: EventsQuery,
        response: { 200: eventFormats },
      },
    },
    async (request, reply) => {
      const query = toEventQuery(request.query);
      const resumeAfter = lastEventIdOf(request);
      const format = formatOf(request);
      reply.header('vary', 'accept');
      if (format === 'sse') return follow(request, reply, toFollowQuery(query, resumeAfter));
      if (format === 'ndjson') {
        const limit = request.query.limit === undefined ? Number.POSITIVE_INFINITY : Number(request.query.limit);
        return stream(request, reply, 'application/x-ndjson; charset=utf-8', () => readAsNdjson(log, query, limit));
      }
      const limit = Number(request.query.limit ?? limitDefault);
      // Taken before the page is read; what it came to is taken again when it is sent.
      const release = budget.take(pageBytesMax, callerKeyOf(request));
      const body = await readAsJson(log, { ...query, limit }).finally(release);
      return reply.type('application/json; charset=utf-8').send(body);
    },
  );
}

async function readAsJson(log: Pick<HttpDeps['log'], 'read'>, query: EventQuery): Promise<string> {
  const { take, texts } = createEventPage((event) => JSON.stringify(event), pageBytesMax);
  const { next, pruned } = await log.read({ ...query, take });
  return `{"events":[${texts().join(',')}],${JSON.stringify({ next, pruned }).slice(1)}`;
}

/** A page takes the memory of the commits it is read from: many streams read a few at a time. */
function boundReads(log: HttpDeps['log']): Pick<HttpDeps['log'], 'read' | 'head'> {
  const semaphore = createSemaphore({ permits: pagesReadMax });
  return { head: () => log.head(), read: (query) => semaphore.run(() => log.read(query)) };
}

type ChunkSource = (ending: AbortSignal) => AsyncGenerator<string>;

function formatOf({ query, headers }: FastifyRequest): 'json' | 'ndjson' | 'sse' {
  const { format } = query as EventsQuery;
  if (format) return format as 'json' | 'ndjson' | 'sse';
  const accept = headers.accept ?? '';
  if (accept.includes(eventStreamType)) return 'sse';
  return accept.includes('application/x-ndjson') ? 'ndjson' : 'json';
}

/** @throws AppError `query_invalid` for an unknown type */
function toEventQuery(query: EventsQuery): EventQuery {
  const { after, before, direction, stream, type, since, until, service, node, container } = query;
  const types = type?.split(',').map(toEventType);
  return {
    direction: direction === 'backward' ? 'backward' : 'forward',
    ...(after === undefined ? {} : { after: Number(after) }),
    ...(before === undefined ? {} : { before: Number(before) }),
    ...(stream === undefined ? {} : { streams: stream.split(',') }),
    ...(types === undefined ? {} : { types }),
    ...(query.class === undefined ? {} : { class: query.class as 'fact' | 'telemetry' }),
    ...(since === undefined ? {} : { since: toTime('since', since) }),
    ...(until === undefined ? {} : { until: toTime('until', until) }),
    ...(service === undefined ? {} : { service }),
    ...(node === undefined ? {} : { node }),
    ...(container === undefined ? {} : { container }),
  };
}

function toEventType(type: string): EventType {
  if (!isEventType(type)) throw refuseField('query_invalid', 'type', 'must be types of events, separated by commas');
  return type;
}

/** A client that reconnects continues after the last id it received, whatever its query has as `after`. */
function toFollowQuery(query: EventQuery, resumeAfter: number | null): EventQuery {
  if (query.direction === 'backward')
    throw refuseField('query_contradictory', 'direction', 'cannot be backward in a stream');
  if (query.before !== undefined) throw refuseField('query_contradictory', 'before', 'cannot end a stream');
  if (query.until !== undefined) throw refuseField('query_contradictory', 'until', 'cannot end a stream');
  return resumeAfter === null ? query : { ...query, after: resumeAfter };
}

/** Of a client that reconnects; null of any other. @throws AppError `header_invalid` */
function lastEventIdOf({ headers }: FastifyRequest): number | null {
  const lastEventId = headers['last-event-id'];
  if (lastEventId === undefined || lastEventId === '') return null;
  if (typeof lastEventId !== 'string' || !/^\d{1,15}$/.test(lastEventId)) {
    throw refuseField('header_invalid', 'Last-Event-ID', `must be ${Position.description}`);
  }
  return Number(lastEventId);
}
