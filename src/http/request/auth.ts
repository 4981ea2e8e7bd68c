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

/** `actor`: as the log names it. The scope is that of the token, not of its owner: an owner may have several. */
export type Caller = { actor: string; scope: Token['scope'] };

export type Authenticator = {
  /**
   * null for a route that is open to all.
   * @throws AppError `host_not_allowed` · `cross_site` · `unauthenticated`
   */
  identify(headers: IncomingHttpHeaders, method: string, scope: RouteScope): Caller | null;
};

/** @throws AppError `forbidden` */
export function authorize(caller: Caller, scope: RouteScope): void {
  if (scope === 'write' && caller.scope !== 'write') throw new AppError('forbidden', 'this token may read only');
}

/** Without tokens, the actor of every caller on the loopback interface. */
const localCaller: Caller = { actor: 'person:local', scope: 'write' };

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
  const known = tokens.map(({ name, token, scope }) => {
    return { hash: sha256(token), caller: { actor: `person:${name}`, scope } };
  });

  /** Compares with every token, so that the time it takes does not depend on which one matches. */
  const find = (token: string) => {
    const hash = sha256(token);
    let found: Caller | null = null;
    for (const one of known) if (timingSafeEqual(one.hash, hash)) found = one.caller;
    return found;
  };

  return {
    identify(headers, _method, scope) {
      if (scope === 'open') return null;
      const [, token] = /^Bearer +([\x21-\x7e]{1,512})$/i.exec(headers.authorization ?? '') ?? [];
      const caller = token === undefined ? null : find(token);
      if (!caller) throw new AppError('unauthenticated', 'send a valid token: Authorization: Bearer <token>');
      return caller;
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
      return localCaller;
    },
  };
}

function isForeign({ origin, host, ...headers }: IncomingHttpHeaders): boolean {
  if (headers['sec-fetch-site'] === 'cross-site') return true;
  return origin !== undefined && origin.replace(/^https?:\/\//, '') !== host;
}

const hostNameOf = (host: string) => host.replace(/:\d+$/, '').toLowerCase();

const sha256 = (text: string) => createHash('sha256').update(text).digest();
