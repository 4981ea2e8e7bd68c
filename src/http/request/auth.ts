/**
 * Authenticates callers by token and authorizes them by scope. Tokens are those of the log and those of a file; of both only
 * hashes are kept. On loopback, without a file of tokens, a call without a token is this machine's own.
 */

import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '../../errors.ts';
import { allows, type Scope, scopes, tokenIdOf } from '../../model/token.ts';
import { parseIsoTime } from '../../projections/view/iso-time.ts';
import type { TokenView } from '../../projections/view/token-view.ts';
import { isLoopback, refuseForeignHost, refuseForeignSite, refuseOtherPages } from './origin.ts';
import { sessionOf } from './session.ts';

/** Of a file of tokens. */
export type Token = {
  /** Of its owner: the actor in the log is `person:<name>`. */
  name: string;
  token: string;
  scope: Scope;
};

/** What a route requires of its caller. `open`: nothing, not even a token. */
export type RouteScope = 'open' | Scope;

/** `actor`: as the log names it. The scopes are those of the token, not of its owner: an owner may have several. */
export type Caller = {
  actor: string;
  scopes: readonly Scope[];
  /** Id of a token of the log; null for one of the file, and for a caller without. */
  token: string | null;
  /** What its calls are counted under; null: they are not limited. */
  limitKey: string | null;
};

export type CallHead = { headers: IncomingHttpHeaders; method: string };

export type Authenticator = {
  /**
   * null for a route that is open to all.
   * @throws AppError `host_not_allowed` · `cross_site` · `unauthenticated`
   */
  identify(call: CallHead, scope: RouteScope): Caller | null;
  /** Whose token this is. @throws AppError `unauthenticated`: it is unknown, expired or revoked */
  findToken(text: string): Caller;
  /** A token may be revoked, or expire, while an answer is under way. */
  isStillValid(caller: Caller): boolean;
};

/** @throws AppError `forbidden` */
export function authorize(caller: Caller, scope: RouteScope): void {
  if (scope === 'open' || allows(caller.scopes, scope)) return;
  throw new AppError('forbidden', `this token has no scope ${scope}, only ${caller.scopes.join(', ')}`);
}

/** Without tokens, every caller on the loopback interface. */
const localCaller: Caller = { actor: 'person:local', scopes, token: null, limitKey: null };

export type AuthDeps = {
  /** The tokens of the log, by id. */
  issued: () => ReadonlyMap<string, TokenView>;
  nowMs: () => number;
};

export function createAuthenticator(
  { issued, nowMs }: AuthDeps,
  { host, tokens }: { host: string; tokens: readonly Token[] },
): Authenticator {
  const findOfFile = createFileTokens(tokens);
  const trustsLoopback = tokens.length === 0 && isLoopback(host);

  const isExpired = ({ expiresAt }: TokenView) => expiresAt !== null && parseIsoTime(expiresAt) <= nowMs();
  const findIssued = (id: string, text: string): Caller | null => {
    const token = issued().get(id);
    if (!token || isExpired(token) || !timingSafeEqual(Buffer.from(token.hash, 'hex'), sha256(text))) return null;
    return { actor: `person:${token.name}`, scopes: token.scopes, token: id, limitKey: `token ${id}` };
  };
  const findCaller = (text: string): Caller | null => {
    const id = tokenIdOf(text);
    return (id === null ? null : findIssued(id, text)) ?? findOfFile(text);
  };
  const findToken = (text: string | null): Caller => {
    const caller = text === null ? null : findCaller(text);
    if (!caller) throw new AppError('unauthenticated', 'send a valid token: Authorization: Bearer <token>');
    return caller;
  };

  return {
    findToken,
    identify(call, scope) {
      if (scope === 'open') return null;
      const bearer = bearerOf(call.headers);
      if (bearer !== null) return findToken(bearer);
      const session = sessionOf(call.headers);
      if (session !== null && findCaller(session)) {
        refuseOtherPages(call);
        return findToken(session);
      }
      if (!trustsLoopback) return findToken(null);
      refuseForeignHost(call, host);
      refuseForeignSite(call);
      return localCaller;
    },
    isStillValid({ token: id }) {
      if (id === null) return true;
      const token = issued().get(id);
      return token !== undefined && !isExpired(token);
    },
  };
}

/** Compares with every token, so that the time it takes does not depend on which one matches. */
function createFileTokens(tokens: readonly Token[]): (text: string) => Caller | null {
  const known = tokens.map(({ name, token, scope }) => {
    const caller = { actor: `person:${name}`, scopes: [scope], token: null, limitKey: `name ${name} ${scope}` };
    return { hash: sha256(token), caller };
  });
  return (text) => {
    const hash = sha256(text);
    let found: Caller | null = null;
    for (const one of known) if (timingSafeEqual(one.hash, hash)) found = one.caller;
    return found;
  };
}

/** null: none is sent. Something else under the header is a token that does not exist. */
function bearerOf({ authorization }: IncomingHttpHeaders): string | null {
  if (authorization === undefined) return null;
  return /^Bearer +([\x21-\x7e]{1,512})$/i.exec(authorization)?.[1] ?? '';
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();
