/** Stores the password of a registry login, encrypted and under a version of its own, before the log makes it current. */

import { AppError, hasCode } from '../../errors.ts';
import { canonicalHost } from '../../model/image.ts';
import { loginSecretName } from '../../model/registry.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';
import type { RegistryLoginView } from '../../projections/view/image-view.ts';
import { assertRoomForLogin } from '../../reconciler/commands/decide-registry.ts';
import type { Vault } from '../../secrets/vault.ts';
import type { PasswordHashes } from './password-hashes.ts';

export type Login = { host: string; username: string; password: string };

/** Values of requests that ended in between have their versions; more of them at once is a fault. */
const versionsTriedMax = 100;

type KnownLogins = Pick<ClusterView, 'registryLogins' | 'registryLoginVersion'>;
/** What the log says of a login. */
type LoggedLogin = { host: string; username: string; version: number; passwordHash: string };

/**
 * @returns of the present login when it is the same
 * @throws AppError of the vault · `registry_logins_full`
 */
export async function storeLogin(
  { vault, hashes }: { vault: Pick<Vault, 'put' | 'get'>; hashes: PasswordHashes },
  view: KnownLogins,
  login: Login,
): Promise<LoggedLogin> {
  const present = await findSame({ vault, hashes }, view, login);
  if (present) return present;
  const { username, password } = login;
  const host = canonicalHost(login.host);
  const passwordHash = await hashes.hash(password);
  const first = view.registryLoginVersion + 1;
  for (let version = first; version < first + versionsTriedMax; version += 1) {
    if (await vault.put(loginSecretName(host), version, Buffer.from(password))) {
      return { host, username, version, passwordHash };
    }
  }
  throw new AppError('expectation_failed', 'other requests set the same login at the same time; try again');
}

/** As `storeLogin` would return it, with a hash of nothing where it is another login. Stores nothing. */
export async function supposeLogin(
  deps: { vault: Pick<Vault, 'get'>; hashes: PasswordHashes },
  view: KnownLogins,
  login: Login,
): Promise<LoggedLogin> {
  const { username } = login;
  const other = { host: canonicalHost(login.host), username, version: view.registryLoginVersion + 1, passwordHash: '' };
  return (await findSame(deps, view, login)) ?? other;
}

/** @throws AppError of the vault · `registry_logins_full` */
async function findSame(
  { vault, hashes }: { vault: Pick<Vault, 'get'>; hashes: PasswordHashes },
  view: KnownLogins,
  { host: named, username, password }: Login,
): Promise<LoggedLogin | null> {
  const host = canonicalHost(named);
  assertRoomForLogin(view, host);
  const known = view.registryLogins.get(host);
  const isSame = known?.username === username && (await hashes.isHashOf(known.passwordHash, password));
  if (!isSame || !(await isStored(vault, known))) return null;
  const { version, passwordHash } = known;
  return { host, username, version, passwordHash };
}

/** A log that was restored knows logins whose values are gone: setting one again brings it back. */
async function isStored(vault: Pick<Vault, 'get'>, { host, version }: RegistryLoginView): Promise<boolean> {
  try {
    await vault.get(loginSecretName(host), version);
    return true;
  } catch (error) {
    if (hasCode(error, 'secret_not_found') || hasCode(error, 'secret_damaged')) return false;
    throw error;
  }
}
