/** Logins at registries: how they are named in the log, in the store of secrets, and to a node. */

import { type Static, Type } from '@sinclair/typebox';

const label = '[a-z0-9]([a-z0-9-]*[a-z0-9])?';

/** The longest parameter of a path. */
export const hostCharactersMax = 255;

/** As images name it, in lower case. */
export const RegistryHost = Type.String({
  pattern: `^${label}(\\.${label})*(:[0-9]{1,5})?$`,
  maxLength: hostCharactersMax,
  description:
    'the host of a registry as images name it, with its port if it has one: registry.example:5000, docker.io',
});

/** HTTP sends it before a colon. */
export const RegistryUsername = Type.String({
  pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f:\\ud800-\\udfff]+$',
  maxLength: 255,
  description: 'a user name: text without control characters and colons',
});

/** Slow to guess from, with its parameters and salt: `scrypt:N:r:p:salt:hash`, base64url. */
export const PasswordHash = Type.String({
  pattern: '^scrypt:[0-9]{1,8}:[0-9]{1,3}:[0-9]{1,3}:[A-Za-z0-9_-]{8,64}:[A-Za-z0-9_-]{22,128}$',
  maxLength: 256,
});

/** A public key of X25519, as base64url. */
export const PublicKey = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$', maxLength: 43 });

/** A cluster pulls from a few; each may be part of every message to a node. */
export const registryLoginsMax = 100;

export const passwordCharactersMax = 4_096;

/** Of the password in the store of secrets. */
export const loginSecretName = (host: string): string => `registry/${host}`;

/** What a node gets, sealed. */
export const RegistryLogin = Type.Object(
  { username: Type.String(), password: Type.String() },
  { additionalProperties: false },
);
export type RegistryLogin = Static<typeof RegistryLogin>;

/** What a sealed login is for: one session of one node, one host, one version. */
export const loginPurpose = ({ clusterId, node, session, host, version }: LoginPurpose): (string | number)[] => [
  'registry login',
  clusterId,
  node,
  session,
  host,
  version,
];
export type LoginPurpose = { clusterId: string; node: string; session: number; host: string; version: number };
