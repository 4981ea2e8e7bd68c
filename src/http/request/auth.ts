/**
 * Authenticates callers by bearer token and authorizes them by scope. Without tokens only programs of this machine are
 * served: no foreign host name, no foreign site. Keeps tokens as hashes only.
 */

import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '../../errors.ts';

export type Token = {
  /** Of its owner: the actor in the log is `person:<name>`. */
  name: string;
  token: string;
  /** `write` includes `read`. */
  scope: 'read' | 'write';
};

/** What a route requires of its caller. `open`: nothing, not even a token. */
export type RouteScope = 'open' | 'read' | 'write';

export type Authenticator = {
  /**
   * The actor in the log; null for a route that is open to all.
   * @throws AppError `host_not_allowed` · `cross_site` · `unauthenticated`
   */
  identify(headers: IncomingHttpHeaders, method: string, scope: RouteScope): string | null;
  /** @throws AppError `forbidden` */
  authorize(actor: string, scope: RouteScope): void;
};

/** Without tokens, the actor of every caller on the loopback interface. */
const localActor = 'person:local';

const loopbackNames: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]', '::1']);

export const isLoopback = (host: string): boolean => loopbackNames.has(host) || /^127\.\d+\.\d+\.\d+$/.test(host);

/** @throws AppError `tokens_required`: bound beyond loopback without tokens */
export function createAuthenticator(options: { host: string; tokens: readonly Token[] }): Authenticator {
  if (options.tokens.length > 0) return authenticateByToken(options.tokens);
  if (!isLoopback(options.host)) {
    const message = `${options.host} can be reached from other machines: give at least one token, or bind to 127.0.0.1`;
    throw new AppError('tokens_required', message);
  }
  return trustLoopback(options.host);
}

function authenticateByToken(tokens: readonly Token[]): Authenticator {
  const owners = tokens.map(({ name, token, scope }) => ({ actor: `person:${name}`, hash: sha256(token), scope }));
  const scopes = new Map(owners.map(({ actor, scope }) => [actor, scope]));

  /** Compares with every token, so that the time it takes does not depend on which one matches. */
  const find = (token: string) => {
    const hash = sha256(token);
    let found: string | null = null;
    for (const owner of owners) if (timingSafeEqual(owner.hash, hash)) found = owner.actor;
    return found;
  };

  return {
    identify(headers, _method, scope) {
      if (scope === 'open') return null;
      const [, token] = /^Bearer +([\x21-\x7e]{1,512})$/i.exec(headers.authorization ?? '') ?? [];
      const actor = token === undefined ? null : find(token);
      if (actor === null) throw new AppError('unauthenticated', 'send a valid token: Authorization: Bearer <token>');
      return actor;
    },
    authorize(actor, scope) {
      if (scope === 'write' && scopes.get(actor) !== 'write') {
        throw new AppError('forbidden', 'this token may read only');
      }
    },
  };
}

/** Pages in a browser of this machine reach loopback too: under another name (DNS rebinding) or from another site. */
function trustLoopback(host: string): Authenticator {
  const isOwnName = (name: string) => isLoopback(name) || name === host;
  return {
    identify(headers, method, scope) {
      if (scope === 'open') return null;
      if (!isOwnName(hostNameOf(headers.host ?? ''))) {
        throw new AppError('host_not_allowed', 'without tokens only localhost and loopback addresses are served');
      }
      const isRead = method === 'GET' || method === 'HEAD';
      if (!isRead && isForeign(headers)) {
        throw new AppError('cross_site', 'without tokens changes are accepted from this origin only');
      }
      return localActor;
    },
    authorize() {},
  };
}

function isForeign({ origin, host, ...headers }: IncomingHttpHeaders): boolean {
  if (headers['sec-fetch-site'] === 'cross-site') return true;
  return origin !== undefined && origin.replace(/^https?:\/\//, '') !== host;
}

const hostNameOf = (host: string) => host.replace(/:\d+$/, '').toLowerCase();

const sha256 = (text: string) => createHash('sha256').update(text).digest();
