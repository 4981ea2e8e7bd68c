/** Serves the releases of a service: its generations, going back to one, steering a rollout, restarting. */

import { Type } from '@sinclair/typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../../errors.ts';
import { type Generation, readGenerations } from '../../history/generations.ts';
import type { ServiceView } from '../../projections/view/cluster-view.ts';
import type { ApiRequest } from '../../reconciler/commands/decide.ts';
import { type ReleaseRequest, rolloutActions } from '../../reconciler/commands/decide-release.ts';
import { abortSignalOf } from '../request/abort-signal.ts';
import { GenerationsAnswer } from '../request/generations-schema.ts';
import { toReleaseBody } from '../request/release-specs.ts';
import { AcceptedServices, NameParams } from '../request/service-schema.ts';
import { toContainerBody } from '../request/service-specs.ts';
import { ref, strict } from '../schema/schema.ts';
import { type DryRun, DryRunQuery, dryRunAnswer, dryRunRefusals, type TryDry } from './dry-run.ts';
import { type HttpDeps, refuseBody, type Server } from './route.ts';
import type { Submit } from './submit.ts';

const tags = ['services'];
const accepted = { 202: ref<AcceptedServices>(AcceptedServices), ...dryRunAnswer };

type Deps = Pick<HttpDeps, 'projector' | 'log'>;

const generationsMax = 100;
const generationsDefault = 20;

const RollbackBody = Type.Object(
  { generation: Type.Optional(Type.Integer({ minimum: 1 })) },
  {
    ...strict,
    description: 'Default: the last generation of another spec that converged.',
    examples: [{ generation: 1 }],
  },
);

const summaries = {
  pause: 'Replace no further container',
  resume: 'Go on with a paused rollout; failures are counted from zero',
  promote: 'Go on beyond the canaries',
  abort: 'Give the rollout up and go back to what converged last',
} as const;

export function addReleaseRoutes(
  server: Server,
  { projector, log }: Deps,
  { submit, tryDry, stopping }: { submit: Submit; tryDry: TryDry; stopping: AbortSignal },
): void {
  addGenerations(server, { projector, log }, stopping);
  const change: Change = async (request, reply, wanted) => {
    const dry = await tryDry(request, reply, wanted);
    if (dry) return dry;
    const { position, services } = await submit(request, reply, wanted);
    reply.header('location', `/service/${wanted.service}`);
    return { position, services: services.slice(-1) };
  };

  server.post(
    '/service/:name/rollback',
    {
      config: {
        scope: 'write',
        refusals: ['service_not_found', 'service_removing', 'generation_not_found', ...dryRunRefusals],
      },
      schema: {
        ...{ operationId: 'rollbackService', tags, params: NameParams, querystring: DryRunQuery },
        summary: 'Request the spec of an earlier generation again',
        body: RollbackBody,
        response: accepted,
      },
      // Without a body it asks for the default.
      preValidation: async (request) => {
        request.body ??= {};
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      const { generation } = request.body;
      const service = findService(projector, name);
      const generations = readGenerations(log.read, service, abortSignalOf(reply, stopping));
      const to = await findGeneration(generations, service, generation);
      return change(request, reply, { kind: 'rollback', service: name, to });
    },
  );

  server.post(
    '/service/:name/restart',
    {
      config: { scope: 'write', refusals: ['service_not_found', 'service_removing', ...dryRunRefusals] },
      schema: {
        ...{ operationId: 'restartService', tags, params: NameParams, querystring: DryRunQuery, response: accepted },
        summary: 'Replace its containers by others of the same spec, as an update does',
      },
    },
    (request, reply) => {
      refuseBody(request);
      return change(request, reply, { kind: 'restart', service: request.params.name });
    },
  );

  addRolloutActions(server, change);
}

type Change = (
  request: FastifyRequest,
  reply: FastifyReply,
  wanted: ReleaseRequest & ApiRequest,
) => Promise<AcceptedServices | DryRun>;

function addRolloutActions(server: Server, change: Change): void {
  for (const action of rolloutActions) {
    server.post(
      `/service/:name/rollout/${action}`,
      {
        config: {
          scope: 'write',
          refusals: [
            'service_not_found',
            'service_removing',
            'rollout_not_found',
            'rollout_not_paused',
            ...dryRunRefusals,
          ],
        },
        schema: {
          ...{
            operationId: `${action}Rollout`,
            tags,
            params: NameParams,
            querystring: DryRunQuery,
            response: accepted,
          },
          summary: summaries[action],
        },
      },
      (request, reply) => {
        refuseBody(request);
        return change(request, reply, { kind: 'rollout', service: request.params.name, action });
      },
    );
  }
}

function findService({ view }: Deps['projector'], name: string): ServiceView {
  const service = view.services.get(name);
  if (!service) throw new AppError('service_not_found', `no service is called ${name}`);
  return service;
}

function addGenerations(server: Server, { projector, log }: Deps, stopping: AbortSignal): void {
  server.get(
    '/service/:name/generations',
    {
      config: { scope: 'read', refusals: ['service_not_found'] },
      schema: {
        ...{ operationId: 'getGenerations', tags, params: NameParams },
        summary: 'What a service was, who asked for it, and how it went; newest first',
        querystring: Type.Object(
          {
            limit: Type.Optional(
              Type.String({
                pattern: '^(?:[1-9]|[1-9][0-9]|100)$',
                maxLength: 3,
                description: `a number from 1 to ${generationsMax}; default ${generationsDefault}`,
              }),
            ),
          },
          strict,
        ),
        response: { 200: ref<GenerationsAnswer>(GenerationsAnswer) },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      const service = findService(projector, name);
      const limit = Number(request.query.limit ?? generationsDefault);
      const generations: GenerationsAnswer['generations'] = [];
      for await (const generation of readGenerations(log.read, service, abortSignalOf(reply, stopping))) {
        generations.push(toBody(generation));
        if (generations.length === limit) break;
      }
      return { serviceName: name, generations };
    },
  );
}

/** @throws AppError `generation_not_found` */
async function findGeneration(
  generations: AsyncIterable<Generation>,
  service: ServiceView,
  wanted: number | undefined,
): Promise<Generation> {
  for await (const found of generations) {
    const isEarlier = found.outcome === 'converged' && found.specHash !== service.specHash;
    if (wanted === undefined ? isEarlier : found.generation === wanted) return found;
  }
  const what = wanted === undefined ? 'no generation of another spec that converged' : `no generation ${wanted}`;
  throw new AppError('generation_not_found', `${service.name} has ${what}`);
}

const toBody = ({
  spec,
  specHash: _hash,
  policy,
  ...generation
}: Generation): GenerationsAnswer['generations'][number] => ({
  ...generation,
  container: toContainerBody(spec),
  ...toReleaseBody(spec, policy),
});
