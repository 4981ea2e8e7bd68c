/** The schemas of the facts about where a service's containers are, on its stream, and about the labels of nodes. */

import { type TSchema, Type } from '@sinclair/typebox';
import { ContainerId, IsoTime, NodeId, ServiceName } from '../../model/ids.ts';
import { NodeLabels } from '../../model/node.ts';

const fact = <T extends Record<string, TSchema>>(members: T) => ({
  class: 'fact' as const,
  schema: Type.Object(members, { additionalProperties: false }),
  schemaVersion: 1,
});

const count = Type.Integer({ minimum: 0 });

export const placementFacts = {
  /** A replica is to move to a node that has fewer: another is started there, and this one stops when that one serves. */
  RebalanceRequested: fact({
    service: ServiceName,
    slot: Type.Integer({ minimum: 1 }),
    container: ContainerId,
    node: NodeId,
    /** Where there was room for it. */
    to: NodeId,
    /** Replicas of the service there and here. */
    replicasFrom: count,
    replicasTo: count,
    /** No other is asked to move before. */
    coolUntil: IsoTime,
  }),
  /** No replica moves any more. */
  ServiceBalanced: fact({ service: ServiceName, moves: Type.Integer({ minimum: 1 }) }),
  /** Set by a person, beside those its agent has: they win over these of the same name. All of them. */
  NodeLabelsSet: fact({ node: NodeId, labels: NodeLabels }),
} as const;
