/** Tokens of callers: what they may do, how they are named, and the text a caller sends. */

import { Type } from '@sinclair/typebox';

/** `secrets`: registry credentials and the like. `join`: bringing in a worker node, and nothing else. */
export const scopes = ['read', 'write', 'admin', 'secrets', 'join'] as const;
export type Scope = (typeof scopes)[number];

/** What a scope includes beside itself. An admin issues tokens of every scope. */
const included: Readonly<Record<Scope, readonly Scope[]>> = {
  read: [],
  write: ['read'],
  admin: ['write', 'read'],
  secrets: [],
  join: [],
};

/** Pure. */
export const allows = (granted: readonly Scope[], wanted: Scope): boolean =>
  granted.some((scope) => scope === wanted || included[scope].includes(wanted));

const ScopeName = Type.Union(
  scopes.map((scope) => Type.Literal(scope)),
  { description: `one of ${scopes.join(', ')}` },
);

export const Scopes = Type.Array(ScopeName, {
  minItems: 1,
  maxItems: scopes.length,
  uniqueItems: true,
  description: `one or more of ${scopes.join(', ')}, each once`,
});

/** Of its owner: the actor in the log is `person:<name>`. */
export const TokenName = Type.String({
  pattern: '^[a-z0-9][a-z0-9._-]{0,62}$',
  maxLength: 63,
  description: 'a to z, 0 to 9, dot, underscore and hyphen, at most 63 characters, beginning with a letter or digit',
});

/** Public: distinguishes the tokens of one name. */
export const TokenId = Type.String({ pattern: '^[0-9a-f]{12}$', maxLength: 12 });

const tokenPattern = /^co_([0-9a-f]{12})_[\w-]{43}$/;

/** @param secret 43 characters of base64url: 256 random bits, which a plain hash keeps safe */
export const tokenText = (id: string, secret: string): string => `co_${id}_${secret}`;

/** The id in the text of an issued token; null when it is not one. */
export const tokenIdOf = (text: string): string | null => tokenPattern.exec(text)?.[1] ?? null;

/** While an old token is replaced by a new one, both are valid. */
export const tokensPerNameMax = 2;

/** In the view, and looked through at each listing. */
export const tokensMax = 1_000;
