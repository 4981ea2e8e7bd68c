/** Describes the generations of a service as they are answered. */

import { type Static, Type } from '@sinclair/typebox';
import { Replicas } from '../../model/service.ts';
import { named, nullable, oneOf, ref, strict, time } from '../schema/schema.ts';
import { ContainerBody, releaseMembers } from './service-schema.ts';

const generationOutcomes = ['converged', 'failed', 'in progress', 'paused', 'superseded'] as const;

/** Each can be sent again as it is, but for what says how it went. */
export const GenerationsAnswer = named('Generations', {
  serviceName: Type.String(),
  generations: Type.Array(
    Type.Object(
      {
        generation: Type.Integer({ minimum: 1 }),
        at: time,
        actor: Type.String({ description: 'who asked for it' }),
        replicas: Replicas,
        rollbackTo: nullable(Type.Integer(), 'the generation whose spec it is again'),
        outcome: oneOf(generationOutcomes),
        convergedAfterMs: nullable(Type.Integer(), 'from the request on'),
        reason: nullable(Type.String(), 'why it failed or is paused'),
        imageDigest: nullable(
          Type.String(),
          'what its image means; null when it has none, or that is not known any more',
        ),
        container: ref<ContainerBody>(ContainerBody),
        ...releaseMembers,
      },
      strict,
    ),
    { description: 'newest first' },
  ),
});
export type GenerationsAnswer = Static<typeof GenerationsAnswer>;
