/** How logins at registries change the view. */

import type { Handlers } from './handlers.ts';

export const registryHandlers = {
  RegistryLoginSet(view, event) {
    const { host, username, version, changed, passwordHash } = event.data;
    view.registriesVersion = event.version;
    if (!changed) return;
    const set = { setAt: event.at, setBy: event.meta.actor };
    view.registryLogins.set(host, { host, username, version, passwordHash, ...set });
    view.registryLoginVersion = version;
  },

  RegistryLoginRemoved(view, event) {
    view.registriesVersion = event.version;
    view.registryLogins.delete(event.data.host);
  },
} satisfies Partial<Handlers>;
