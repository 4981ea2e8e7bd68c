/** What several messages of the bus have in common, and how their schemas are written. */

import { type TSchema, Type } from '@sinclair/typebox';
import { IsoTime, NodeId, Uuid } from '../model/ids.ts';

export const object = <T extends Record<string, TSchema>>(members: T) =>
  Type.Object(members, { additionalProperties: false });
export const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
export const text = (maxLength: number) => Type.String({ maxLength });
export const Position = Type.Integer({ minimum: 1 });

export const reportHead = {
  clusterId: Uuid,
  node: NodeId,
  /** uuid of the report: redelivered ones have no second effect. */
  reportId: Uuid,
  at: IsoTime,
};
