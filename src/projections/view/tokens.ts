/** How the issue and revocation of tokens change the view. */

import type { Handlers } from './handlers.ts';
import { parseIsoTime } from './iso-time.ts';

export const tokenHandlers = {
  TokenIssued(view, event) {
    const nowMs = parseIsoTime(event.at);
    for (const { id, expiresAt } of view.tokens.values()) {
      if (expiresAt !== null && parseIsoTime(expiresAt) <= nowMs) view.tokens.delete(id);
    }
    const { token: id, name, scopes, expiresAt, hash } = event.data;
    const issued = { issuedAt: event.at, issuedBy: event.meta.actor };
    view.tokens.set(id, { id, name, scopes, hash, expiresAt, ...issued });
    view.tokensVersion = event.version;
  },

  TokenRevoked(view, event) {
    view.tokens.delete(event.data.token);
    view.tokensVersion = event.version;
  },

  TokenUsed(view, event) {
    view.tokens.delete(event.data.token);
    view.tokensVersion = event.version;
  },
} satisfies Partial<Handlers>;
