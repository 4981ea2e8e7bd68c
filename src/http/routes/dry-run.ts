/** Answers changes with `dryRun=true`: what would become of them, and what would follow. Appends nothing. */

import { Type } from '@sinclair/typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { NewEvent } from '../../events/schema/event.ts';
import { type WhatIfAnswer, type WhatIfSettings, whatIf } from '../../history/what-if/what-if.ts';
import type { Projector } from '../../projections/live/projector.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';
import { type ApiRequest, decide, type Outcome, outcomeOf } from '../../reconciler/commands/decide.ts';
import type { DecideSettings } from '../../reconciler/commands/decide-node.ts';
import { resourcesOf } from '../../reconciler/commands/resources.ts';
import { idempotencyOf } from '../request/idempotency-key.ts';
import { preconditionOf } from '../request/precondition.ts';
import { AcceptedNodes, AcceptedServices } from '../request/service-schema.ts';
import { SupposedSpecs, supposedSpecs } from '../request/supposed-specs.ts';
import { WhatIf } from '../schema/history.ts';
import { named, oneOf, ref, strict } from '../schema/schema.ts';
import { actorOf } from './route.ts';
import type { Simulate } from './simulate.ts';

export const DryRunQuery = Type.Object(
  { dryRun: Type.Optional(oneOf(['true', 'false'], 'true or false: answer what would change, and change nothing')) },
  strict,
);

export const DryRun = named('DryRun', {
  dryRun: Type.Literal(true),
  services: AcceptedServices.properties.services,
  nodes: AcceptedNodes.properties.nodes,
  specs: Type.Array(ref<SupposedSpecs>(SupposedSpecs)),
  plan: ref<WhatIfAnswer>(WhatIf),
});
export type DryRun = Pick<Outcome, 'services' | 'nodes'> & {
  dryRun: true;
  specs: SupposedSpecs[];
  plan: WhatIfAnswer;
};

/** What changes with a dry run answer: 202 when they were made, 200 when they were only supposed. */
export const dryRunAnswer = { 200: ref<DryRun>(DryRun) };

export const dryRunRefusals = ['whatif_busy', 'whatif_too_large', 'stopping'] as const;

export const isDry = (request: FastifyRequest): boolean => (request.query as { dryRun?: string }).dryRun === 'true';

/** null: it is meant in earnest. @throws AppError of decide, of the precondition and of what-if */
export type TryDry = (request: FastifyRequest, reply: FastifyReply, wanted: ApiRequest) => Promise<DryRun | null>;

export function createTryDry(
  { projector, clusterId }: { projector: Pick<Projector, 'view'>; clusterId: string },
  {
    simulate,
    ...settings
  }: Required<Pick<WhatIfSettings, 'nodeTimeoutMs' | 'queueTimeoutMs'>> & { simulate: Simulate },
): TryDry {
  return async (request, reply, wanted) => {
    if (!isDry(request)) return null;
    checkKey(request, clusterId);
    return simulate(reply, async (signal) => {
      const { view } = projector;
      const events = supposeOn(view, request, wanted, settings);
      const { services, nodes } = outcomeOf(events);
      const specs = supposedSpecs(view, events);
      const plan = await whatIf(view, { changes: [{ kind: 'request', request: wanted }] }, settings, signal);
      reply.code(200);
      return { dryRun: true, services, nodes, specs, plan };
    });
  };
}

/** Of a change from which nothing follows on nodes: what would become of it. @throws AppError as TryDry */
export type Suppose = (request: FastifyRequest, reply: FastifyReply, wanted: ApiRequest) => Outcome;

export function createSuppose(
  { projector, clusterId }: { projector: Pick<Projector, 'view'>; clusterId: string },
  settings: DecideSettings,
): Suppose {
  return (request, reply, wanted) => {
    checkKey(request, clusterId);
    const outcome = outcomeOf(supposeOn(projector.view, request, wanted, settings));
    reply.code(200);
    return outcome;
  };
}

/** A key that would be refused is refused here as well; none is used up. */
function checkKey(request: FastifyRequest, clusterId: string): void {
  idempotencyOf(request, { actor: actorOf(request), clusterId, hashed: null });
}

function supposeOn(
  view: ClusterView,
  request: FastifyRequest,
  wanted: ApiRequest,
  settings: DecideSettings,
): readonly NewEvent[] {
  const { events } = decide(view, wanted, { actor: actorOf(request), requestId: request.id }, settings);
  preconditionOf(request.headers)?.(resourcesOf(view, wanted), view.factPosition);
  return events;
}
