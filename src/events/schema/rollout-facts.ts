/** The schemas of the facts about how a service's versions do, on the stream of their service. */

import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { ContainerId, ServiceName } from '../../model/ids.ts';
import { SpecHash } from '../../model/service.ts';

const fact = <T extends Record<string, TSchema>>(members: T) => ({
  class: 'fact' as const,
  schema: Type.Object(members, { additionalProperties: false }),
  schemaVersion: 1,
});

/** `from`: the generation that is replaced; `to`: the one that replaces it. */
const RolloutRef = {
  service: ServiceName,
  from: Type.Integer({ minimum: 1 }),
  to: Type.Integer({ minimum: 1 }),
};

const RolloutPauseReason = Type.Union([
  Type.Literal('failures'),
  Type.Literal('no progress'),
  Type.Literal('canary'),
  Type.Literal('requested'),
]);
export type RolloutPauseReason = Static<typeof RolloutPauseReason>;

const RolloutFailure = {
  /** A sentence. */
  reason: Type.String({ maxLength: 2048 }),
  /** The one that failed last. */
  container: Type.Union([ContainerId, Type.Null()]),
  failures: Type.Integer({ minimum: 0 }),
};

export const rolloutFacts = {
  /** Containers of an earlier spec are being replaced. */
  RolloutStarted: fact({ ...RolloutRef, fromSpecHash: SpecHash, specHash: SpecHash }),
  /** No further container is replaced until it is resumed, promoted or rolled back. */
  RolloutPaused: fact({ ...RolloutRef, why: RolloutPauseReason, ...RolloutFailure }),
  RolloutResumed: fact({ ...RolloutRef, isPromoted: Type.Boolean() }),
  RolloutCompleted: fact(RolloutRef),
  /** One of its slots fails again and again, though it may run between. */
  ServiceUnstable: fact({
    service: ServiceName,
    slot: Type.Integer({ minimum: 1 }),
    /** The run that failed last. */
    container: ContainerId,
    /** Of the slot within `withinMs`. */
    failures: Type.Integer({ minimum: 1 }),
    withinMs: Type.Integer({ minimum: 1 }),
    /** Of the last of them. */
    reason: Type.String({ maxLength: 2048 }),
  }),
  ServiceStable: fact({ service: ServiceName }),
  /** It is given up; the spec it came from is requested again in the same commit, where there is one. */
  RolloutFailed: fact({ ...RolloutRef, ...RolloutFailure }),
} as const;
