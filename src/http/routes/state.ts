/** Serves the state of the cluster from the live view, and of the past from replayed ones. */

import { type Static, type TProperties, Type } from '@sinclair/typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { containerStates } from '../../model/container.ts';
import { serviceStatuses } from '../../projections/rows/service-row.ts';
import { containerStateBody, nodeStateBody, serviceStateBody, stateBody } from '../../projections/rows/state-bodies.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';
import { PointInTimeParam, toPointInTime } from '../request/point-in-time.ts';
import { NodeParam, ServiceNameParam } from '../request/service-schema.ts';
import { createBodyCache } from '../response/body-cache.ts';
import type { ControlPlaneStatus } from '../response/status.ts';
import type { HttpDeps, Server } from './route.ts';

const query = <T extends TProperties>(members: T) =>
  Type.Partial(Type.Object(members), { additionalProperties: false });
const oneOf = <const S extends string>(values: readonly S[]) =>
  Type.Union(
    values.map((value) => Type.Literal(value)),
    { description: `one of: ${values.join(', ')}` },
  ) as unknown as ReturnType<typeof Type.Unsafe<S>>;

const about = { service: ServiceNameParam, node: NodeParam, at: PointInTimeParam };
const ServiceQuery = query({ ...about, state: oneOf(serviceStatuses) });
const NodeQuery = query({ ...about, state: oneOf(['ready', 'lost']) });
const ContainerQuery = query({ ...about, state: oneOf(containerStates), ended: oneOf(['true', 'false']) });

type Deps = Pick<HttpDeps, 'projector' | 'past' | 'clock' | 'status'>;

export function addStateRoutes(server: Server, { projector, past, clock, status }: Deps): void {
  const { view } = projector;
  const cache = createBodyCache();

  /**
   * The ETag is the position of the last fact: telemetry alone does not make a body new.
   * @param version the position that the body depends on
   */
  const answer = (request: FastifyRequest, reply: FastifyReply, version: number, build: () => unknown) => {
    if (isUnchanged(request, reply, view)) return reply.code(304).send();
    return reply.header('content-type', 'application/json; charset=utf-8').send(cache.get(request.url, version, build));
  };

  /** With the same builders, from a view of the past. */
  const answerPast = async (
    request: FastifyRequest,
    reply: FastifyReply,
    at: string,
    build: (then: ClusterView) => unknown,
  ) => {
    const then = await past.viewAt(toPointInTime('at', at, clock.nowMs()));
    if (isUnchanged(request, reply, then)) return reply.code(304).send();
    return build(then);
  };

  server.get(
    '/service_state',
    {
      config: { scope: 'read' },
      schema: { summary: 'State of services, now or at a point in time', querystring: ServiceQuery },
    },
    (request, reply) => {
      const { at, ...filter } = request.query;
      if (at !== undefined) return answerPast(request, reply, at, (then) => serviceStateBody(then, filter));
      return answer(request, reply, view.factPosition, () => serviceStateBody(view, filter));
    },
  );

  server.get(
    '/node_state',
    {
      config: { scope: 'read' },
      schema: { summary: 'State of nodes, now or at a point in time', querystring: NodeQuery },
    },
    (request, reply) => {
      const { at, ...filter } = request.query;
      if (at !== undefined) return answerPast(request, reply, at, (then) => nodeStateBody(then, filter));
      return answer(request, reply, view.position, () => nodeStateBody(view, filter));
    },
  );

  server.get(
    '/container_state',
    {
      config: { scope: 'read' },
      schema: { summary: 'State of containers, now or at a point in time', querystring: ContainerQuery },
    },
    (request, reply) => {
      const { ended, at, ...members } = request.query as Static<typeof ContainerQuery>;
      const filter = { ...members, ended: ended === 'true' };
      if (at !== undefined) return answerPast(request, reply, at, (then) => containerStateBody(then, filter));
      return answer(request, reply, view.position, () => containerStateBody(view, filter));
    },
  );

  /** Log, bus and leader are not in the view, so nothing here is cached, and the ETag holds only while they are well. */
  server.get(
    '/state',
    {
      config: { scope: 'read' },
      schema: { summary: 'Everything, now or at a point in time', querystring: query({ at: PointInTimeParam }) },
    },
    async (request, reply) => {
      const now = status();
      const { log, bus, leader } = now;
      const described = { log: log.description, bus: bus.description };
      const { at } = request.query;
      if (at !== undefined) return answerPast(request, reply, at, (then) => stateBody(then, described));
      if (isWell(now) && isUnchanged(request, reply, view)) return reply.code(304).send();
      return { ...stateBody(view, described), manager: now.managerId, log, bus, leader };
    },
  );
}

/** Sets the ETag: the position of the last fact of the view. */
function isUnchanged(request: FastifyRequest, reply: FastifyReply, { factPosition }: ClusterView): boolean {
  const etag = `"${factPosition}"`;
  reply.header('etag', etag);
  return matches(request.headers['if-none-match'], etag);
}

const isWell = ({ ready, log, bus }: ControlPlaneStatus) =>
  ready && log.trouble === null && bus.state === 'connected' && bus.trouble === null;

/** RFC 9110: a list of tags, weak ones compare equal for GET, `*` matches all. */
function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  if (header === etag || header === '*') return true;
  return header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}
