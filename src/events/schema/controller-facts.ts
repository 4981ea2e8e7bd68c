/** The schemas of the facts about leadership, on the stream of the controller. */

import { Type } from '@sinclair/typebox';

const strict = { additionalProperties: false } as const;

const Leadership = {
  term: Type.Integer({ minimum: 1 }),
  controllerId: Type.String({ maxLength: 128 }),
};

export const controllerFacts = {
  ControllerElected: { class: 'fact' as const, schema: Type.Object(Leadership, strict), schemaVersion: 1 },
  ControllerResigned: {
    class: 'fact' as const,
    schema: Type.Object(
      {
        ...Leadership,
        /** Not in version 1. Absent: it was stopped. */
        reason: Type.Optional(Type.Union([Type.Literal('no broker')])),
      },
      strict,
    ),
    schemaVersion: 2,
  },
} as const;
