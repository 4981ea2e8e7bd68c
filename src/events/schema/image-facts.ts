/** The schema of the fact that says which image a tag meant, on a stream of its own for each spec that was requested. */

import { type TSchema, Type } from '@sinclair/typebox';
import { ContainerId, NodeId, ServiceName } from '../../model/ids.ts';
import { ImageDigest } from '../../model/image.ts';
import { SpecHash } from '../../model/service.ts';

const fact = <T extends Record<string, TSchema>>(members: T) => ({
  class: 'fact' as const,
  schema: Type.Object(members, { additionalProperties: false }),
  schemaVersion: 1,
});
const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

export const imageFacts = {
  /** Once: every container of the spec runs this digest. null: there is none, and `reason` says why. */
  ImageResolved: fact({
    service: ServiceName,
    generation: Type.Integer({ minimum: 1 }),
    specHash: SpecHash,
    image: Type.String({ maxLength: 512 }),
    digest: nullable(ImageDigest),
    reason: nullable(Type.String({ maxLength: 512 })),
    /** Whose agent said so. */
    container: ContainerId,
    node: NodeId,
  }),
} as const;
