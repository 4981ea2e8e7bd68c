/** The schemas of the facts about who may do what: tokens of callers, and logins at registries. */

import { type TSchema, Type } from '@sinclair/typebox';
import { IsoTime, NodeId } from '../../model/ids.ts';
import { PasswordHash, RegistryHost } from '../../model/registry.ts';
import { Scopes, TokenId, TokenName } from '../../model/token.ts';

const fact = <T extends Record<string, TSchema>>(members: T) => ({
  class: 'fact' as const,
  schema: Type.Object(members, { additionalProperties: false }),
  schemaVersion: 1,
});

export const accessFacts = {
  /** Of the token itself there is only the SHA-256 (hex) of its text. `expiresAt` null: until it is revoked. */
  TokenIssued: fact({
    token: TokenId,
    name: TokenName,
    scopes: Scopes,
    expiresAt: Type.Union([IsoTime, Type.Null()]),
    hash: Type.String({ pattern: '^[0-9a-f]{64}$', maxLength: 64 }),
  }),
  TokenRevoked: fact({ token: TokenId, name: TokenName }),
  /** It let a node in, and is not valid any more. */
  TokenUsed: fact({ token: TokenId, name: TokenName, node: NodeId }),

  /**
   * The password lies encrypted beside the log, under this version. `changed: false` records a request that asked for what already
   * was.
   */
  RegistryLoginSet: fact({
    host: RegistryHost,
    /** Which characters it has is checked where it is set: here a pattern would see the halves of those beyond the BMP. */
    username: Type.String({ minLength: 1, maxLength: 510 }),
    version: Type.Integer({ minimum: 1 }),
    changed: Type.Boolean(),
    passwordHash: PasswordHash,
  }),
  RegistryLoginRemoved: fact({ host: RegistryHost, version: Type.Integer({ minimum: 1 }) }),
} as const;
