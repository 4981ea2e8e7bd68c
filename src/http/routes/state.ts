/** Owns the state routes: how the cluster stands, from the live view. */

import { type Static, type TProperties, Type } from '@sinclair/typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { containerStates } from '../../model/container.ts';
import { serviceStatuses } from '../../projections/rows/service-row.ts';
import { containerStateBody, nodeStateBody, serviceStateBody, stateBody } from '../../projections/rows/state-bodies.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';
import { MomentParam, toMoment } from '../request/point-in-time.ts';
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

const about = { service: ServiceNameParam, node: NodeParam, at: MomentParam };
const ServiceQuery = query({ ...about, state: oneOf(serviceStatuses) });
const NodeQuery = query({ ...about, state: oneOf(['ready', 'lost']) });
const ContainerQuery = query({ ...about, state: oneOf(containerStates), ended: oneOf(['true', 'false']) });

type Deps = Pick<HttpDeps, 'projector' | 'past' | 'clock' | 'status'>;

export function addStateRoutes(server: Server, { projector, past, clock, status }: Deps): void {
  const { view } = projector;
  const cache = createBodyCache();

  /**
   * The ETag is the position of the last fact, as DESIGN has it: what telemetry alone feeds does not make a body new.
   * @param version the position the body depends on
   */
  const answer = (request: FastifyRequest, reply: FastifyReply, version: number, build: () => unknown) => {
    if (isUnchanged(request, reply, view)) return reply.code(304).send();
    return reply.header('content-type', 'application/json; charset=utf-8').send(cache.get(request.url, version, build));
  };

  /** The same builders on a view of the past. */
  const answerPast = async (
    request: FastifyRequest,
    reply: FastifyReply,
    at: string,
    build: (then: ClusterView) => unknown,
  ) => {
    const then = await past.viewAt(toMoment('at', at, clock.nowMs()));
    if (isUnchanged(request, reply, then)) return reply.code(304).send();
    return build(then);
  };

  server.get(
    '/service_state',
    {
      config: { scope: 'read' },
      schema: { summary: 'Services and how they stand, now or at any moment', querystring: ServiceQuery },
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
      schema: { summary: 'Nodes and how they stand, now or at any moment', querystring: NodeQuery },
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
      schema: { summary: 'Containers and how they stand, now or at any moment', querystring: ContainerQuery },
    },
    (request, reply) => {
      const { ended, at, ...members } = request.query as Static<typeof ContainerQuery>;
      const filter = { ...members, ended: ended === 'true' };
      if (at !== undefined) return answerPast(request, reply, at, (then) => containerStateBody(then, filter));
      return answer(request, reply, view.position, () => containerStateBody(view, filter));
    },
  );

  /** Log, bus and leader are not in the fold, so nothing here is cached; in trouble no ETag stands for it either. */
  server.get(
    '/state',
    {
      config: { scope: 'read' },
      schema: { summary: 'Everything at once, now or at any moment', querystring: query({ at: MomentParam }) },
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

/** Sets the ETag: the position of the last fact of what is shown. */
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
