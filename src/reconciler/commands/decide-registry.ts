/** Decides requests about logins at registries. Pure. The password is stored before, encrypted; here there is only its version. */

import { AppError } from '../../errors.ts';
import { streams } from '../../events/schema/event.ts';
import { registryLoginsMax } from '../../model/registry.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';
import { type Decision, metaOf, type RequestContext } from './decision.ts';

export type RegistryRequest =
  /** `version`: under which the password is stored. Of the present login, with its hash: it is set again, which changes nothing. */
  | { kind: 'set registry login'; host: string; username: string; version: number; passwordHash: string }
  | { kind: 'remove registry login'; host: string };

/** @throws AppError `registry_login_not_found` · `registry_logins_full` · `expectation_failed`: another request was faster */
export function decideRegistry(view: ClusterView, request: RegistryRequest, context: RequestContext): Decision {
  const head = { stream: streams.registries, meta: metaOf(context) };
  const expect = [{ stream: streams.registries, version: view.registriesVersion }];
  const known = view.registryLogins.get(request.host);
  if (request.kind === 'remove registry login') {
    if (!known) throw new AppError('registry_login_not_found', `no login is set for ${request.host}`);
    const data = { host: request.host, version: known.version };
    return { events: [{ ...head, type: 'RegistryLoginRemoved', data }], expect };
  }
  const { kind: _, ...login } = request;
  const isSame =
    known?.version === login.version && known.username === login.username && known.passwordHash === login.passwordHash;
  if (!isSame) {
    assertRoomForLogin(view, login.host);
    if (login.version <= view.registryLoginVersion) {
      throw new AppError('expectation_failed', 'another request set a login at the same time; try again');
    }
  }
  return { events: [{ ...head, type: 'RegistryLoginSet', data: { ...login, changed: !isSame } }], expect };
}

/** @throws AppError `registry_logins_full` */
export function assertRoomForLogin({ registryLogins }: Pick<ClusterView, 'registryLogins'>, host: string): void {
  if (registryLogins.has(host) || registryLogins.size < registryLoginsMax) return;
  throw new AppError('registry_logins_full', `there are ${registryLoginsMax} logins: remove some first`);
}
