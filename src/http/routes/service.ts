/** Serves /service: create, edit, remove and read services. */

import type { Static } from '@sinclair/typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../../errors.ts';
import { nextRunAt, runRows } from '../../projections/rows/job-status.ts';
import { restartCounts, slotRestarts } from '../../projections/rows/restart-counts.ts';
import { serviceRow } from '../../projections/rows/service-row.ts';
import type { ClusterView, ServiceView } from '../../projections/view/cluster-view.ts';
import type { ApiRequest } from '../../reconciler/commands/decide.ts';
import { AtQuery, toPointInTime } from '../request/point-in-time.ts';
import { toReleaseBody } from '../request/release-specs.ts';
import { AcceptedServices, ApplyBody, NameParams, PatchBody, ServiceDetail } from '../request/service-schema.ts';
import { toContainerBody, toPatch, toServiceSpecs } from '../request/service-specs.ts';
import { isResourceUnchanged } from '../response/etag.ts';
import { ref, unchanged } from '../schema/schema.ts';
import { DryRunQuery, dryRunAnswer, dryRunRefusals, type TryDry } from './dry-run.ts';
import { type HttpDeps, refuseBody, type Server } from './route.ts';
import type { Submit } from './submit.ts';

type Deps = Pick<HttpDeps, 'projector' | 'past' | 'clock'>;
type Changes = { submit: Submit; tryDry: TryDry };

/** Of a spec, whole or in part. */
const specRefusals = [
  'body_contradictory',
  'image_refused',
  'mode_mismatch',
  'option_refused',
  'service_too_large',
  ...dryRunRefusals,
] as const;

export function addServiceRoutes(server: Server, deps: Deps, { submit, tryDry }: Changes): void {
  addServiceRead(server, deps);
  const change = async (request: FastifyRequest, reply: FastifyReply, wanted: ApiRequest) => {
    const dry = await tryDry(request, reply, wanted);
    if (dry) return dry;
    const { position, services } = await submit(request, reply, wanted);
    const [only, ...others] = services;
    reply.header('location', only && others.length === 0 ? `/service/${only.serviceName}` : '/service_state');
    return { position, services };
  };

  const accepted = { 202: ref<AcceptedServices>(AcceptedServices), ...dryRunAnswer };

  server.post(
    '/service',
    {
      config: {
        scope: 'write',
        refusals: specRefusals,
      },
      schema: {
        operationId: 'applyServices',
        querystring: DryRunQuery,
        tags: ['services'],
        summary: 'Create or edit services',
        body: ref<Static<typeof ApplyBody>>(ApplyBody),
        response: accepted,
      },
    },
    (request, reply) => change(request, reply, { kind: 'apply', specs: toServiceSpecs(request.body.services) }),
  );

  server.patch(
    '/service/:name',
    {
      config: {
        scope: 'write',
        refusals: ['service_not_found', 'service_removing', ...specRefusals],
      },
      schema: {
        operationId: 'patchService',
        querystring: DryRunQuery,
        tags: ['services'],
        summary: 'Change some members of a service',
        params: NameParams,
        body: ref<PatchBody>(PatchBody),
        response: accepted,
      },
    },
    (request, reply) =>
      change(request, reply, { kind: 'patch', service: request.params.name, ...toPatch(request.body) }),
  );

  server.delete(
    '/service/:name',
    {
      config: { scope: 'write', refusals: ['service_not_found', ...dryRunRefusals] },
      schema: {
        operationId: 'removeService',
        querystring: DryRunQuery,
        tags: ['services'],
        summary: 'Remove a service and its containers',
        params: NameParams,
        response: accepted,
      },
    },
    (request, reply) => {
      refuseBody(request);
      return change(request, reply, { kind: 'remove', service: request.params.name });
    },
  );
}

function addServiceRead(server: Server, { projector, past, clock }: Deps): void {
  server.get(
    '/service/:name',
    {
      config: { scope: 'read', refusals: ['service_not_found'] },
      schema: {
        operationId: 'getService',
        tags: ['services'],
        summary: 'Status and spec of a service, now or at a point in time',
        params: NameParams,
        querystring: AtQuery,
        response: { 200: ref<ServiceDetail>(ServiceDetail), 304: unchanged },
      },
    },
    async (request, reply) => {
      const { at } = request.query;
      const view = at === undefined ? projector.view : await past.viewAt(toPointInTime('at', at, clock.nowMs()));
      const { name } = request.params;
      const service = view.services.get(name);
      const is = at === undefined ? 'is' : 'was';
      if (!service) throw new AppError('service_not_found', `no service ${is} called ${name}`);
      return isResourceUnchanged(request, reply, view, service) ? reply.code(304).send() : serviceBody(view, service);
    },
  );
}

function serviceBody(view: ClusterView, service: ServiceView): ServiceDetail {
  const { position: _changedAt, ...row } = serviceRow(view, service);
  return {
    position: view.factPosition,
    at: view.factAt,
    ...row,
    ...restartCounts(view, service),
    slotRestarts: slotRestarts(view, service),
    container: toContainerBody(service.spec),
    ...toReleaseBody(service.spec, service.policy),
    mode: row.mode,
    runs: service.job && runRows(service.job),
    nextRunAt: nextRunAt(service),
  };
}
