/** The schemas of the facts about streams that change something: commands that people run inside containers. What they print is no fact. */

import { type TSchema, Type } from '@sinclair/typebox';
import { ContainerId, NodeId, ServiceName } from '../../model/ids.ts';
import { ExecCommand } from '../../model/stream.ts';

const fact = <T extends Record<string, TSchema>>(members: T) => ({
  class: 'fact' as const,
  schema: Type.Object(members, { additionalProperties: false }),
  schemaVersion: 1,
});
const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

const Subject = { container: ContainerId, service: ServiceName, node: NodeId };

export const streamFacts = {
  /** By whom is in its meta. */
  ExecStarted: fact({ ...Subject, command: ExecCommand, tty: Type.Boolean(), stdin: Type.Boolean() }),
  /** `exitCode` null: it was not seen to end, for the reason that is said. */
  ExecEnded: fact({
    ...Subject,
    exitCode: nullable(Type.Integer()),
    seconds: Type.Integer({ minimum: 0 }),
    reason: nullable(Type.String({ maxLength: 512 })),
  }),
} as const;
