/** Serves the state of the cluster from the live view, and of the past from replayed ones. */

import { type Static, type TProperties, Type } from '@sinclair/typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { containerStates } from '../../model/container.ts';
import { serviceStatuses } from '../../model/status-charts.ts';
import { containerStateBody, nodeStateBody, serviceStateBody, stateBody } from '../../projections/rows/state-bodies.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';
import { PointInTimeParam, toPointInTime } from '../request/point-in-time.ts';
import { NodeParam, ServiceNameParam } from '../request/service-schema.ts';
import { createBodyCache } from '../response/body-cache.ts';
import { isUnchanged } from '../response/etag.ts';
import type { ControlPlaneStatus } from '../response/status.ts';
import { oneOf, ref, unchanged } from '../schema/schema.ts';
import { ContainerState, NodeState, ServiceState, State } from '../schema/state.ts';
import type { HttpDeps, Server } from './route.ts';

const query = <T extends TProperties>(members: T) =>
  Type.Partial(Type.Object(members), { additionalProperties: false });

const about = {
  service: Type.String({ ...ServiceNameParam, examples: ['web'] }),
  node: Type.String({ ...NodeParam, examples: ['worker-1'] }),
  at: PointInTimeParam,
};
const ServiceQuery = query({ ...about, state: oneOf(serviceStatuses) });
const NodeQuery = query({ ...about, state: oneOf(['ready', 'lost']) });
const ContainerQuery = query({ ...about, state: oneOf(containerStates), ended: oneOf(['true', 'false']) });

const serviceState = {
  operationId: 'listServices',
  tags: ['services'],
  summary: 'State of services, now or at a point in time',
  querystring: ServiceQuery,
  response: { 200: ref<object>(ServiceState), 304: unchanged },
};

const nodeState = {
  operationId: 'listNodes',
  tags: ['nodes'],
  summary: 'State of nodes, now or at a point in time',
  querystring: NodeQuery,
  response: { 200: ref<object>(NodeState), 304: unchanged },
};

const containerState = {
  operationId: 'listContainers',
  tags: ['containers'],
  summary: 'State of containers, now or at a point in time',
  querystring: ContainerQuery,
  response: { 200: ref<object>(ContainerState), 304: unchanged },
};

type Deps = Pick<HttpDeps, 'projector' | 'past' | 'clock' | 'status'>;

type Build = (view: ClusterView) => unknown;

/** Answers with a body of the live view, or of the view at a point in time: the builders are the same. */
function createAnswers({ projector, past, clock }: Omit<Deps, 'status'>) {
  const { view } = projector;
  const cache = createBodyCache();

  /**
   * The ETag is the position of the last fact: telemetry alone does not make a body new. It does where a client has none,
   * since the counts of the last hour fall as time passes.
   */
  const answerLive = (request: FastifyRequest, reply: FastifyReply, build: Build) => {
    if (isUnchanged(request, reply, view)) return reply.code(304).send();
    const bytes = cache.get(request.url, view.position, () => build(view));
    return reply.header('content-type', 'application/json; charset=utf-8').send(bytes);
  };

  const answerPast = async (request: FastifyRequest, reply: FastifyReply, at: string, build: Build) => {
    const then = await past.viewAt(toPointInTime('at', at, clock.nowMs()));
    if (isUnchanged(request, reply, then)) return reply.code(304).send();
    return build(then);
  };

  return {
    answerPast,
    /** @param at absent: now */
    answer: (request: FastifyRequest, reply: FastifyReply, at: string | undefined, build: Build) =>
      at === undefined ? answerLive(request, reply, build) : answerPast(request, reply, at, build),
  };
}

export function addStateRoutes(server: Server, { status, ...deps }: Deps): void {
  const { view } = deps.projector;
  const { answer, answerPast } = createAnswers(deps);

  server.get('/service_state', { config: { scope: 'read' }, schema: serviceState }, (request, reply) => {
    const { at, ...filter } = request.query;
    return answer(request, reply, at, (shown) => serviceStateBody(shown, filter));
  });

  server.get('/node_state', { config: { scope: 'read' }, schema: nodeState }, (request, reply) => {
    const { at, ...filter } = request.query;
    return answer(request, reply, at, (shown) => nodeStateBody(shown, filter));
  });

  server.get('/container_state', { config: { scope: 'read' }, schema: containerState }, (request, reply) => {
    const { ended, at, ...members } = request.query as Static<typeof ContainerQuery>;
    const filter = { ...members, ended: ended === 'true' };
    return answer(request, reply, at, (shown) => containerStateBody(shown, filter));
  });

  /** Log, bus and leader are not in the view, so nothing here is cached, and the ETag holds only while they are well. */
  server.get(
    '/state',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getState',
        tags: ['state'],
        summary: 'Everything, now or at a point in time',
        querystring: query({ at: PointInTimeParam }),
        response: { 200: ref<object>(State), 304: unchanged },
      },
    },
    async (request, reply) => {
      const now = status();
      const { log, bus, leader } = now;
      const described = { log: log.description, bus: bus.description };
      const { at } = request.query;
      if (at !== undefined) return answerPast(request, reply, at, (shown) => stateBody(shown, described));
      if (isWell(now) && isUnchanged(request, reply, view)) return reply.code(304).send();
      return { ...stateBody(view, described), manager: now.managerId, log, bus, leader };
    },
  );
}

const isWell = ({ ready, log, bus }: ControlPlaneStatus) =>
  ready && log.trouble === null && bus.state === 'connected' && bus.trouble === null;
