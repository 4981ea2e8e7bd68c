/** Decides requests that issue and revoke tokens. Pure. */

import { AppError } from '../../errors.ts';
import { streams } from '../../events/schema/event.ts';
import { type Scope, tokensMax, tokensPerNameMax } from '../../model/token.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';
import { parseIsoTime } from '../../projections/view/iso-time.ts';
import type { TokenView } from '../../projections/view/token-view.ts';
import { type Decision, metaOf, type RequestContext } from './decision.ts';

/** `hash`: SHA-256 (hex) of the token's text, which never comes here. `expiresAt` null: until it is revoked. */
type NewToken = { token: string; name: string; scopes: readonly Scope[]; expiresAt: string | null; hash: string };

export type TokenRequest =
  | ({ kind: 'issue token' } & NewToken)
  /** `token`: an id, or a name, whose tokens are all revoked. */
  | { kind: 'revoke token'; token: string }
  /** `token`: an id. It lets this node in, once. */
  | { kind: 'use token'; token: string; node: string };

/** @throws AppError `token_limit` · `tokens_full` · `token_not_found` · `unauthenticated` · `node_not_lost` */
export function decideToken(view: ClusterView, request: TokenRequest, context: RequestContext): Decision {
  const head = { stream: streams.tokens, meta: metaOf(context) };
  const expect = [{ stream: streams.tokens, version: view.tokensVersion }];
  if (request.kind === 'revoke token') {
    const events = findTokens(view, request.token).map(({ id, name }) => {
      return { ...head, type: 'TokenRevoked' as const, data: { token: id, name } };
    });
    return { events, expect };
  }
  if (request.kind === 'use token') {
    return { events: [{ ...head, type: 'TokenUsed', data: useToken(view, request) }], expect };
  }
  const { kind: _, scopes, ...token } = request;
  refuseTooMany(view, token.name);
  return { events: [{ ...head, type: 'TokenIssued', data: { ...token, scopes: [...scopes] } }], expect };
}

/** A node that is in use has a user, whose password another machine must not change. */
function useToken(view: ClusterView, { token: id, node }: { token: string; node: string }) {
  const found = view.tokens.get(id);
  if (!found) throw new AppError('unauthenticated', 'this token has been used, or was revoked');
  const state = view.nodes.get(node)?.state;
  if (state !== undefined && state !== 'lost') {
    throw new AppError('node_not_lost', `${node} is ${state}, on another machine: give this one a name of its own`);
  }
  return { token: id, name: found.name, node };
}

function refuseTooMany(view: ClusterView, name: string): void {
  const nowMs = parseIsoTime(view.at);
  const valid = [...view.tokens.values()].filter(({ expiresAt }) => !expiresAt || parseIsoTime(expiresAt) > nowMs);
  if (valid.length >= tokensMax) {
    throw new AppError('tokens_full', `there are ${tokensMax} valid tokens: revoke some first`);
  }
  const ofName = valid.filter((token) => token.name === name);
  if (ofName.length >= tokensPerNameMax) {
    const ids = ofName.map(({ id }) => id).join(' and ');
    throw new AppError('token_limit', `${name} has ${tokensPerNameMax} valid tokens, ${ids}: revoke one first`);
  }
}

function findTokens(view: ClusterView, wanted: string): TokenView[] {
  const byId = view.tokens.get(wanted);
  const found = byId ? [byId] : [...view.tokens.values()].filter(({ name }) => name === wanted);
  if (found.length === 0) throw new AppError('token_not_found', 'no token has this id or name');
  return found;
}
