/** Serves POST /whatif: simulates changes on a copy of a view. Changes nothing, so the scope is read. */

import { type TProperties, Type } from '@sinclair/typebox';
import {
  type WhatIfAnswer,
  type WhatIfSettings,
  whatIf,
  withinMsDefault,
  withinMsMax,
} from '../../history/what-if/what-if.ts';
import { Replicas } from '../../model/service.ts';
import { PointInTimeParam, toPointInTime } from '../request/point-in-time.ts';
import { ContainerBody, NodeParam, ServiceNameParam } from '../request/service-schema.ts';
import { WhatIf } from '../schema/history.ts';
import { ref, strict } from '../schema/schema.ts';
import type { HttpDeps, Server } from './route.ts';
import type { Simulate } from './simulate.ts';

const change = <const K extends string, T extends TProperties>(kind: K, members: T) =>
  Type.Object({ kind: Type.Literal(kind), ...members }, strict);

const Change = Type.Union(
  [
    change('kill', { node: NodeParam }),
    change('drain', { node: NodeParam }),
    change('scale', { service: ServiceNameParam, replicas: Replicas }),
    change('image', {
      service: ServiceNameParam,
      image: ContainerBody.properties.image,
      fails: Type.Optional(Type.Boolean({ description: 'true: its containers end as soon as they run' })),
    }),
    change('remove', { service: ServiceNameParam }),
  ],
  {
    description:
      '{"kind": "kill" or "drain", "node"}, {"kind": "scale", "service", "replicas"}, ' +
      '{"kind": "image", "service", "image", "fails"} or {"kind": "remove", "service"}',
  },
);

/** More than an operator would ask about at once. */
const changesMax = 32;

const Question = Type.Object(
  {
    changes: Type.Array(Change, { minItems: 1, maxItems: changesMax }),
    at: Type.Optional(PointInTimeParam),
    withinMs: Type.Optional(
      Type.Integer({ minimum: 1, maximum: withinMsMax, description: `default ${withinMsDefault}` }),
    ),
  },
  {
    ...strict,
    description: 'All changes are made at once, in this order, now or at a point in time.',
    examples: [{ changes: [{ kind: 'kill', node: 'worker-1' }], withinMs: 60_000 }],
  },
);

type Deps = Pick<HttpDeps, 'projector' | 'past' | 'clock'>;

export function addWhatIfRoutes(
  server: Server,
  { projector, past, clock }: Deps,
  { simulate, ...settings }: WhatIfSettings & { simulate: Simulate },
): void {
  server.post(
    '/whatif',
    {
      config: {
        scope: 'read',
        refusals: [
          ...(['node_not_found', 'service_not_found', 'service_removing', 'service_too_large'] as const),
          'mode_mismatch',
          ...(['whatif_too_large', 'whatif_busy', 'stopping'] as const),
        ],
      },
      schema: {
        operationId: 'whatIf',
        tags: ['history'],
        summary: 'Simulate changes on a copy of the state; changes nothing',
        body: Question,
        response: { 200: ref<WhatIfAnswer>(WhatIf) },
      },
    },
    async (request, reply) => {
      const { at, ...question } = request.body;
      return simulate(reply, async (signal) => {
        const view = at === undefined ? projector.view : await past.viewAt(toPointInTime('at', at, clock.nowMs()));
        return whatIf(view, question, settings, signal);
      });
    },
  );
}
