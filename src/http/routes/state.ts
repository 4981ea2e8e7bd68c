/** Owns the state routes: how the cluster stands, from the live view. */

import { type Static, type TProperties, Type } from '@sinclair/typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { containerStates } from '../../model/container.ts';
import { containerStateBody, nodeStateBody, serviceStateBody, stateBody } from '../../projections/bodies.ts';
import { serviceStatuses } from '../../projections/service-row.ts';
import { createBodyCache } from '../body-cache.ts';
import type { HttpDeps, Server } from '../route.ts';
import type { ControlPlaneStatus } from '../status.ts';
import { NodeParam, ServiceNameParam } from '../wish-schema.ts';

const query = <T extends TProperties>(members: T) =>
  Type.Partial(Type.Object(members), { additionalProperties: false });
const oneOf = <const S extends string>(values: readonly S[]) =>
  Type.Union(
    values.map((value) => Type.Literal(value)),
    { description: `one of: ${values.join(', ')}` },
  ) as unknown as ReturnType<typeof Type.Unsafe<S>>;

const about = { service: ServiceNameParam, node: NodeParam };
const ServiceQuery = query({ ...about, state: oneOf(serviceStatuses) });
const NodeQuery = query({ ...about, state: oneOf(['ready', 'lost']) });
const ContainerQuery = query({ ...about, state: oneOf(containerStates), ended: oneOf(['true', 'false']) });

export function addStateRoutes(server: Server, { projector, status }: Pick<HttpDeps, 'projector' | 'status'>): void {
  const { view } = projector;
  const cache = createBodyCache();

  /**
   * The ETag is the position of the last fact, as DESIGN has it: what telemetry alone feeds does not make a body new.
   * @param version the position the body depends on
   */
  const answer = (request: FastifyRequest, reply: FastifyReply, version: number, build: () => unknown) => {
    const etag = `"${view.factPosition}"`;
    reply.header('etag', etag);
    if (matches(request.headers['if-none-match'], etag)) return reply.code(304).send();
    return reply.header('content-type', 'application/json; charset=utf-8').send(cache.get(request.url, version, build));
  };

  server.get(
    '/service_state',
    { config: { scope: 'read' }, schema: { summary: 'Services and how they stand', querystring: ServiceQuery } },
    (request, reply) => answer(request, reply, view.factPosition, () => serviceStateBody(view, request.query)),
  );

  server.get(
    '/node_state',
    { config: { scope: 'read' }, schema: { summary: 'Nodes and how they stand', querystring: NodeQuery } },
    (request, reply) => answer(request, reply, view.position, () => nodeStateBody(view, request.query)),
  );

  server.get(
    '/container_state',
    { config: { scope: 'read' }, schema: { summary: 'Containers and how they stand', querystring: ContainerQuery } },
    (request, reply) => {
      const { ended, ...filter } = request.query as Static<typeof ContainerQuery>;
      return answer(request, reply, view.position, () =>
        containerStateBody(view, { ...filter, ended: ended === 'true' }),
      );
    },
  );

  /** Log, bus and leader are not in the fold, so nothing here is cached; in trouble no ETag stands for it either. */
  server.get(
    '/state',
    { config: { scope: 'read' }, schema: { summary: 'Everything at once', querystring: query({}) } },
    (request, reply) => {
      const now = status();
      if (isWell(now)) {
        const etag = `"${view.factPosition}"`;
        reply.header('etag', etag);
        if (matches(request.headers['if-none-match'], etag)) return reply.code(304).send();
      }
      const { log, bus, leader } = now;
      const body = stateBody(view, { log: log.description, bus: bus.description });
      return { ...body, manager: now.managerId, log, bus, leader };
    },
  );
}

const isWell = ({ ready, log, bus }: ControlPlaneStatus) =>
  ready && log.trouble === null && bus.state === 'connected' && bus.trouble === null;

/** RFC 9110: a list of tags, weak ones compare equal for GET, `*` matches all. */
function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  if (header === etag || header === '*') return true;
  return header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}
