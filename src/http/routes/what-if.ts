/** Owns POST /whatif: what would happen if. Answers from a copy of a view and changes nothing, so a reader may ask. */

import { type TProperties, Type } from '@sinclair/typebox';
import { AppError } from '../../errors.ts';
import { type WhatIfSettings, whatIf, withinMsDefault, withinMsMax } from '../../history/what-if/what-if.ts';
import { Replicas } from '../../model/service.ts';
import { wantedUntil } from '../request/abort-signal.ts';
import { MomentParam, toMoment } from '../request/point-in-time.ts';
import { ContainerBody, NodeParam, ServiceNameParam } from '../request/service-schema.ts';
import type { HttpDeps, Server } from './route.ts';

const strict = { additionalProperties: false } as const;

const change = <const K extends string, T extends TProperties>(kind: K, members: T) =>
  Type.Object({ kind: Type.Literal(kind), ...members }, strict);

const Change = Type.Union(
  [
    change('kill', { node: NodeParam }),
    change('drain', { node: NodeParam }),
    change('scale', { service: ServiceNameParam, replicas: Replicas }),
    change('image', { service: ServiceNameParam, image: ContainerBody.properties.image }),
    change('remove', { service: ServiceNameParam }),
  ],
  {
    description:
      '{"kind": "kill" or "drain", "node"}, {"kind": "scale", "service", "replicas"}, ' +
      '{"kind": "image", "service", "image"} or {"kind": "remove", "service"}',
  },
);

/** More at once is no question any more. */
const changesMax = 32;

const Question = Type.Object(
  {
    changes: Type.Array(Change, { minItems: 1, maxItems: changesMax }),
    at: Type.Optional(MomentParam),
    withinMs: Type.Optional(
      Type.Integer({ minimum: 1, maximum: withinMsMax, description: `default ${withinMsDefault}` }),
    ),
  },
  { ...strict, description: 'All changes happen at once, in this order, now or at a moment of the past.' },
);

type Deps = Pick<HttpDeps, 'projector' | 'past' | 'clock'>;

/** @param stopping ends the question under way */
export function addWhatIfRoutes(
  server: Server,
  { projector, past, clock }: Deps,
  { signal: stopping, ...settings }: WhatIfSettings & { signal: AbortSignal },
): void {
  // Each takes its part of the event loop, for seconds at worst: one is enough beside what the manager is for.
  let isAsked = false;

  server.post(
    '/whatif',
    {
      config: { scope: 'read' },
      schema: { summary: 'What would happen if: plans on a copy, changes nothing', body: Question },
    },
    async (request, reply) => {
      const { at, ...question } = request.body;
      if (isAsked) throw new AppError('whatif_busy', 'another question is being answered', { retryable: true });
      isAsked = true;
      try {
        const view = at === undefined ? projector.view : await past.viewAt(toMoment('at', at, clock.nowMs()));
        return await whatIf(view, question, settings, wantedUntil(reply, stopping));
      } finally {
        isAsked = false;
      }
    },
  );
}
