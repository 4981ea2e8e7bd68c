/** The bodies of /registry. */

import { type Static, Type } from '@sinclair/typebox';
import { passwordCharactersMax, RegistryHost, RegistryUsername } from '../../model/registry.ts';
import { named, strict, time } from '../schema/schema.ts';

const Position = Type.Integer({ minimum: 1, description: 'of the event in the log' });

export const RegistryParams = Type.Object(
  { host: Type.String({ ...RegistryHost, examples: ['registry.example:5000'] }) },
  strict,
);

export const LoginBody = Type.Object(
  {
    username: RegistryUsername,
    password: Type.String({
      minLength: 1,
      maxLength: passwordCharactersMax,
      pattern: '^[^\\u0000\\ud800-\\udfff]+$',
      description: `a password or token of at most ${passwordCharactersMax} characters`,
    }),
  },
  { ...strict, examples: [{ username: 'deployer', password: 'a-token-of-the-registry' }] },
);

const login = { host: RegistryHost, username: RegistryUsername };

const changed = Type.Boolean({ description: 'false: it was so already' });
export const SetLogin = named('RegistryLoginSet', {
  position: Position,
  ...login,
  version: Type.Integer({ minimum: 1, description: 'rises with each login that is set' }),
  changed,
});
export type SetLogin = Static<typeof SetLogin>;

export const RemovedLogin = named('RegistryLoginRemoved', { position: Position, host: RegistryHost });
export type RemovedLogin = Static<typeof RemovedLogin>;

export const DrySetLogin = named('DryRegistryLoginSet', { dryRun: Type.Literal(true), ...login, changed });
export type DrySetLogin = Static<typeof DrySetLogin>;

export const DryRemovedLogin = named('DryRegistryLoginRemoved', { dryRun: Type.Literal(true), host: RegistryHost });
export type DryRemovedLogin = Static<typeof DryRemovedLogin>;

export const LoginList = named('RegistryLogins', {
  position: Type.Integer({ minimum: 0 }),
  registries: Type.Array(
    Type.Object({ ...login, version: Type.Integer({ minimum: 1 }), setAt: time, setBy: Type.String() }, strict),
  ),
});
export type LoginList = Static<typeof LoginList>;
