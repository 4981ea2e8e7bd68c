/** Defines where a service may run, and how it is kept balanced, in requests; and the labels of nodes. */

import { type Static, Type } from '@sinclair/typebox';
import { nodeLabelsMax } from '../../model/node.ts';
import { constraintsMax, nodeKeyPattern, RebalancePolicy, strategies } from '../../model/placement.ts';
import { nullable, oneOf, strict } from '../schema/schema.ts';

const NodeKey = Type.String({
  pattern: nodeKeyPattern,
  maxLength: 80,
  description: 'one of node.id, node.hostname, node.labels.NAME, engine.id, engine.kind, engine.version',
});

export const PlacementBody = Type.Object(
  {
    constraints: Type.Optional(
      Type.Array(
        Type.String({
          minLength: 1,
          maxLength: 400,
          description: 'KEY == VALUE or KEY != VALUE, such as node.labels.zone == a',
        }),
        { maxItems: constraintsMax, description: `at most ${constraintsMax} constraints; a node has to meet them all` },
      ),
    ),
    spread: Type.Optional(nullable(NodeKey, `null or ${NodeKey.description}`)),
    maxPerNode: Type.Optional(
      nullable(Type.Integer({ minimum: 1, maximum: 10_000 }), 'null or a whole number from 1 to 10000'),
    ),
    strategy: Type.Optional(oneOf(strategies, 'spread or binpack')),
  },
  {
    ...strict,
    $id: 'PlacementPolicy',
    description: 'Where containers may run, and where they run best. A member that is left out has its default.',
  },
);
export type PlacementBody = Static<typeof PlacementBody>;

const { maxMoves, cooldownSeconds } = RebalancePolicy.properties;
export const RebalanceBody = Type.Object(
  { maxMoves: Type.Optional(maxMoves), cooldownSeconds: Type.Optional(cooldownSeconds) },
  {
    ...strict,
    $id: 'RebalancePolicy',
    description:
      'Moves running replicas to nodes that have fewer, each beside its successor: so many at once, and the next round so much later. A member that is left out has its default, 1 and 60.',
  },
);
export type RebalanceBody = Static<typeof RebalanceBody>;

/** As Docker's: letters, digits and . _ - / between. */
const nodeLabelName = {
  type: 'string',
  pattern: '^[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$',
  description: 'a name of at most 63 letters, digits and . _ / - between them',
};
const LabelValue = Type.String({
  pattern: '^[^\\u0000-\\u001f\\u007f\\ud800-\\udfff]*$',
  maxLength: 255,
  description: 'text without control characters, at most 255',
});

/** null: the agent's own value counts again, if it has one. */
export const NodeLabelsBody = Type.Unsafe<Record<string, string | null>>({
  type: 'object',
  propertyNames: nodeLabelName,
  additionalProperties: nullable(LabelValue, `null or ${LabelValue.description}`),
  minProperties: 1,
  maxProperties: nodeLabelsMax,
  $id: 'NodeLabels',
  description: 'Labels by name; null takes one away. They win over those of the agent.',
  examples: [{ zone: 'a', rack: null }],
});
export type NodeLabelsBody = Static<typeof NodeLabelsBody>;

export const placementComponents = [PlacementBody, RebalanceBody, NodeLabelsBody];
