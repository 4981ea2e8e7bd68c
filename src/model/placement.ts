/** Where containers of a service may run, and where they run best. */

import { type Static, Type } from '@sinclair/typebox';

const strict = { additionalProperties: false } as const;

/** Of a node, or of the engine behind it. */
export const nodeKeyPattern =
  '^(?:node\\.(?:id|hostname|labels\\.[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?)|engine\\.(?:id|kind|version))$';
const NodeKey = Type.String({ pattern: nodeKeyPattern, maxLength: 80 });

export const constraintsMax = 32;
const constraintValueMax = 255;

const Constraint = Type.Object(
  {
    key: NodeKey,
    operator: Type.Union([Type.Literal('=='), Type.Literal('!=')]),
    value: Type.String({ minLength: 1, maxLength: constraintValueMax }),
  },
  strict,
);
export type Constraint = Static<typeof Constraint>;

export const strategies = ['spread', 'binpack'] as const;

export const PlacementPolicy = Type.Object(
  {
    /** A node has to meet them all. */
    constraints: Type.Array(Constraint, { maxItems: constraintsMax }),
    /** Replicas are spread over its values before they are over nodes; nodes without it are one more value. */
    spread: Type.Union([NodeKey, Type.Null()]),
    /** Replicas of the present spec. */
    maxPerNode: Type.Union([Type.Integer({ minimum: 1, maximum: 10_000 }), Type.Null()]),
    /** `binpack`: the fullest node that has room, by what is reserved there. */
    strategy: Type.Union(strategies.map((strategy) => Type.Literal(strategy))),
  },
  strict,
);
export type PlacementPolicy = Static<typeof PlacementPolicy>;

export const placementDefault: PlacementPolicy = Object.freeze({
  constraints: [],
  spread: null,
  maxPerNode: null,
  strategy: 'spread',
});

/** Moves running replicas to nodes that have fewer, also when nothing else is to be done. */
export const RebalancePolicy = Type.Object(
  {
    /** At once. */
    maxMoves: Type.Integer({ minimum: 1, maximum: 100 }),
    /** Between one round of moves and the next. */
    cooldownSeconds: Type.Integer({ minimum: 1, maximum: 86_400 }),
  },
  strict,
);
export type RebalancePolicy = Static<typeof RebalancePolicy>;

export const rebalanceDefault: RebalancePolicy = Object.freeze({ maxMoves: 1, cooldownSeconds: 60 });

/** What constraints ask about. */
type Site = {
  id: string;
  hostname: string;
  labels: readonly { name: string; value: string }[];
  engine: { engineId: string; kind: string; version: string };
};

/** undefined: the node has no such label. Pure. */
export function readNodeKey({ id, hostname, labels, engine }: Site, key: string): string | undefined {
  switch (key) {
    case 'node.id':
      return id;
    case 'node.hostname':
      return hostname;
    case 'engine.id':
      return engine.engineId;
    case 'engine.kind':
      return engine.kind;
    case 'engine.version':
      return engine.version;
  }
  const label = key.slice('node.labels.'.length);
  return labels.find(({ name }) => name === label)?.value;
}

/** The first that the node does not meet. A label that it lacks equals nothing. Pure. */
export const unmetConstraint = (node: Site, policy: PlacementPolicy | undefined): Constraint | undefined =>
  policy?.constraints.find(({ key, operator, value }) => (readNodeKey(node, key) === value) !== (operator === '=='));

export const formatConstraint = ({ key, operator, value }: Constraint): string => `${key} ${operator} ${value}`;

/** Swarm's syntax: `node.labels.zone == a`. null: it is none. Pure. */
export function parseConstraint(text: string): Constraint | null {
  const [, key = '', operator = '', value = ''] = /^\s*(\S+?)\s*(==|!=)\s*(\S(?:.*\S)?)\s*$/.exec(text) ?? [];
  if (!new RegExp(nodeKeyPattern).test(key) || value.length > constraintValueMax) return null;
  return { key, operator: operator as Constraint['operator'], value };
}
