/** Defines the vocabulary that schemas of requests and answers are written in. */

import { type TProperties, type TSchema, Type } from '@sinclair/typebox';

export const strict = { additionalProperties: false } as const;

/** A component of the document: it has a name there, and is used by `ref`. Listed in components.ts. */
export const named = <T extends TProperties>($id: string, members: T, description?: string) =>
  Type.Object(members, { ...strict, $id, ...(description === undefined ? {} : { description }) });

/** Another component. `T`: the type that the program knows it by. */
export const ref = <T>({ $id }: TSchema) => Type.Unsafe<T>({ $ref: `${$id}#` });

export const nullable = <T extends TSchema>(schema: T, description?: string) =>
  Type.Union([schema, Type.Null()], description === undefined ? {} : { description });

/** One of some texts. @param described shown instead of the list */
export const oneOf = <const S extends string>(values: readonly S[], described?: string) =>
  Type.Unsafe<S>({ type: 'string', enum: [...values], description: described ?? `one of: ${values.join(', ')}` });

export const count = Type.Integer({ minimum: 0 });
export const time = Type.String({ format: 'date-time', description: 'a time in UTC' });
export const position = Type.Integer({ minimum: 0, description: 'the position of an event in the log' });
export const sentence = Type.String({ description: 'a sentence' });

/** An answer without a body. */
export const empty = (description: string) => Type.Unsafe<undefined>({ type: 'null', description });

/** 304. */
export const unchanged = empty('The client has this answer already');

/** What every answer from a view begins with. */
export const head = {
  position: Type.Integer({ minimum: 0, description: 'of the last fact that the answer holds' }),
  at: Type.String({ format: 'date-time', description: 'of that fact' }),
};
