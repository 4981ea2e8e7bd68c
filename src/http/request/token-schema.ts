/** The bodies of /token. */

import { type Static, Type } from '@sinclair/typebox';
import { Scopes, TokenId, TokenName } from '../../model/token.ts';
import { named, nullable, strict, time } from '../schema/schema.ts';

const Position = Type.Integer({ minimum: 1, description: 'of the event in the log' });

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
  { ...strict, examples: [{ name: 'ci', scopes: ['read'], expiresInSeconds: 3600 }] },
);

/** Of a token, or of all tokens of a name. */
export const TokenParams = Type.Object({ token: Type.String({ ...TokenName, examples: ['ci'] }) }, strict);

const token = {
  token: TokenId,
  name: TokenName,
  scopes: Scopes,
  expiresAt: nullable(time, 'null: until it is revoked'),
};

export const IssuedToken = named('IssuedToken', {
  position: Position,
  ...token,
  text: Type.Union([Type.String(), Type.Null()], {
    description: 'what to send as Authorization: Bearer; shown this once. null: the request is a repeat',
  }),
});
export type IssuedToken = Static<typeof IssuedToken>;

export const DryIssuedToken = named('DryIssuedToken', {
  dryRun: Type.Literal(true),
  name: TokenName,
  scopes: Scopes,
  expiresAt: token.expiresAt,
});
export type DryIssuedToken = Static<typeof DryIssuedToken>;

const tokens = Type.Array(Type.Object({ token: TokenId, name: TokenName }, strict));
export const RevokedTokens = named('RevokedTokens', {
  position: Position,
  tokens,
});
export const DryRevokedTokens = named('DryRevokedTokens', { dryRun: Type.Literal(true), tokens });

export const TokenList = named('TokenList', {
  position: Type.Integer({ minimum: 0 }),
  tokens: Type.Array(
    Type.Object({ ...token, issuedAt: time, issuedBy: Type.String(), expired: Type.Boolean() }, strict),
  ),
});
export type TokenList = Static<typeof TokenList>;
