/** The schemas of the facts about whether a node and its engine are heard, on the stream of the node. */

import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { IsoTime, NodeId } from '../../model/ids.ts';

const fact = <T extends Record<string, TSchema>>(members: T, schemaVersion = 1) => ({
  class: 'fact' as const,
  schema: Type.Object(
    { node: NodeId, session: Type.Integer({ minimum: 1 }), ...members },
    { additionalProperties: false },
  ),
  schemaVersion,
});

const lastHeardAt = Type.Union([IsoTime, Type.Null()]);
const silentMs = Type.Integer({ minimum: 0 });

const NodeLossReason = Type.Literal('engine silent');
export type NodeLossReason = Static<typeof NodeLossReason>;

export const nodeFacts = {
  /** Its agent is heard and says that the engine behind it does not answer. Nothing is placed there. */
  EngineLost: fact({
    /** The engine client's own words. */
    message: Type.String({ maxLength: 1024 }),
    /** Its containers count as lost then, unless it answers before. */
    deadline: IsoTime,
  }),
  EngineReturned: fact({}),
  /** While rescheduling is paused: it is not heard, and does not count as lost yet. */
  NodeSilent: fact({ lastHeardAt, silentMs }),
  /** Before it was lost. */
  NodeHeard: fact({}),
  /** Not in version 1: the reason. Absent: it sent no heartbeats, or a person said so. */
  NodeLost: fact({ lastHeardAt, silentMs, reason: Type.Optional(NodeLossReason) }, 2),
} as const;
