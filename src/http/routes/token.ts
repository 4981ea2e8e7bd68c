/** Serves /token: issuing, listing and revoking tokens. The text of a token is in one answer and nowhere else. */

import type { Static } from '@sinclair/typebox';
import { parseIsoTime } from '../../projections/view/iso-time.ts';
import type { TokenView } from '../../projections/view/token-view.ts';
import { IssueBody, IssuedToken, RevokedTokens, TokenList, TokenParams } from '../request/token-schema.ts';
import { createTokenSecret } from '../request/token-secret.ts';
import { ref } from '../schema/schema.ts';
import { type HttpDeps, refuseBody, type Server } from './route.ts';
import type { Submit } from './submit.ts';

type Deps = Pick<HttpDeps, 'projector' | 'clock'>;

export function addTokenRoutes(server: Server, { projector, clock }: Deps, submit: Submit): void {
  const tags = ['tokens'];

  server.post(
    '/token',
    {
      config: { scope: 'admin', refusals: ['token_limit', 'tokens_full'] },
      schema: {
        operationId: 'issueToken',
        tags,
        summary: 'Issue a token',
        body: IssueBody,
        response: { 201: ref<IssuedToken>(IssuedToken) },
      },
    },
    async (request, reply): Promise<IssuedToken> => {
      const { name, scopes, expiresInSeconds } = request.body;
      const { id, text, hash } = createTokenSecret();
      const expiresAt =
        expiresInSeconds === undefined ? null : new Date(clock.nowMs() + expiresInSeconds * 1_000).toISOString();
      const issued = { token: id, name, scopes, expiresAt };
      const { position, repeated, tokens } = await submit(request, reply, { kind: 'issue token', ...issued, hash });
      reply.code(201);
      if (!repeated) return { position, ...issued, text };
      // The first answer had the text; only its hash is left.
      return { position, ...issued, token: tokens[0]?.token ?? id, text: null };
    },
  );

  server.delete(
    '/token/:token',
    {
      config: { scope: 'admin', refusals: ['token_not_found'] },
      schema: {
        operationId: 'revokeToken',
        tags,
        summary: 'Revoke a token, or all of a name',
        params: TokenParams,
        response: { 202: ref<Static<typeof RevokedTokens>>(RevokedTokens) },
      },
    },
    async (request, reply) => {
      refuseBody(request);
      const { position, tokens } = await submit(request, reply, { kind: 'revoke token', token: request.params.token });
      return { position, tokens: tokens.map(({ token, name }) => ({ token, name })) };
    },
  );

  server.get(
    '/token',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'listTokens',
        tags,
        summary: 'Tokens that were not revoked',
        response: { 200: ref<TokenList>(TokenList) },
      },
    },
    (): TokenList => {
      const { tokens, factPosition } = projector.view;
      return { position: factPosition, tokens: [...tokens.values()].map((token) => tokenRow(token, clock.nowMs())) };
    },
  );
}

function tokenRow({ id: token, name, scopes, expiresAt, issuedAt, issuedBy }: TokenView, nowMs: number) {
  const expired = expiresAt !== null && parseIsoTime(expiresAt) <= nowMs;
  return { token, name, scopes: [...scopes], expiresAt, issuedAt, issuedBy, expired };
}
