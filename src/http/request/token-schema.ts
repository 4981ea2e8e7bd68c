/** The bodies of /token. */

import { type Static, Type } from '@sinclair/typebox';
import { Scopes, TokenId, TokenName } from '../../model/token.ts';

const strict = { additionalProperties: false } as const;
const Position = Type.Integer({ minimum: 1, description: 'of the event in the log' });
const nullableTime = (description: string) => Type.Union([Type.String(), Type.Null()], { description });

const minute = 60;
const tenYears = 10 * 366 * 24 * 60 * minute;

export const IssueBody = Type.Object(
  {
    name: TokenName,
    scopes: Scopes,
    expiresInSeconds: Type.Optional(
      Type.Integer({ minimum: minute, maximum: tenYears, description: `a whole number from ${minute} to ${tenYears}` }),
    ),
  },
  strict,
);

/** Of a token, or of all tokens of a name. */
export const TokenParams = Type.Object({ token: TokenName }, strict);

const token = {
  token: TokenId,
  name: TokenName,
  scopes: Scopes,
  expiresAt: nullableTime('null: until it is revoked'),
};

export const IssuedToken = Type.Object({
  position: Position,
  ...token,
  text: Type.Union([Type.String(), Type.Null()], {
    description: 'what to send as Authorization: Bearer; shown this once. null: the request is a repeat',
  }),
});
export type IssuedToken = Static<typeof IssuedToken>;

export const RevokedTokens = Type.Object({
  position: Position,
  tokens: Type.Array(Type.Object({ token: TokenId, name: TokenName })),
});

export const TokenList = Type.Object({
  position: Type.Integer({ minimum: 0 }),
  tokens: Type.Array(
    Type.Object({ ...token, issuedAt: Type.String(), issuedBy: Type.String(), expired: Type.Boolean() }),
  ),
});
export type TokenList = Static<typeof TokenList>;
