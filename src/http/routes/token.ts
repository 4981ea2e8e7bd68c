/** Serves /token: issuing, listing and revoking tokens. The text of a token is in one answer and nowhere else. */

import type { Static } from '@sinclair/typebox';
import { parseIsoTime } from '../../projections/view/iso-time.ts';
import type { TokenView } from '../../projections/view/token-view.ts';
import {
  DryIssuedToken,
  DryRevokedTokens,
  IssueBody,
  IssuedToken,
  RevokedTokens,
  TokenList,
  TokenParams,
} from '../request/token-schema.ts';
import { createTokenSecret } from '../request/token-secret.ts';
import { ref } from '../schema/schema.ts';
import { DryRunQuery, isDry, type Suppose } from './dry-run.ts';
import { type HttpDeps, refuseBody, type Server } from './route.ts';
import type { Submit } from './submit.ts';

type Deps = Pick<HttpDeps, 'projector' | 'clock'>;
type Changes = { submit: Submit; suppose: Suppose };

export function addTokenRoutes(server: Server, { projector, clock }: Deps, { submit, suppose }: Changes): void {
  const tags = ['tokens'];

  server.post(
    '/token',
    {
      config: { scope: 'admin', refusals: ['token_limit', 'tokens_full'] },
      schema: {
        operationId: 'issueToken',
        tags,
        summary: 'Issue a token',
        querystring: DryRunQuery,
        body: IssueBody,
        response: { 200: ref<DryIssuedToken>(DryIssuedToken), 201: ref<IssuedToken>(IssuedToken) },
      },
    },
    async (request, reply): Promise<IssuedToken | DryIssuedToken> => {
      const { name, scopes, expiresInSeconds } = request.body;
      const { id, text, hash } = createTokenSecret();
      const expiresAt =
        expiresInSeconds === undefined ? null : new Date(clock.nowMs() + expiresInSeconds * 1_000).toISOString();
      const issued = { token: id, name, scopes, expiresAt };
      const wanted = { kind: 'issue token', ...issued, hash } as const;
      if (isDry(request)) {
        suppose(request, reply, wanted);
        return { dryRun: true, name, scopes, expiresAt };
      }
      const { position, repeated, tokens } = await submit(request, reply, wanted);
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
        querystring: DryRunQuery,
        response: {
          200: ref<Static<typeof DryRevokedTokens>>(DryRevokedTokens),
          202: ref<Static<typeof RevokedTokens>>(RevokedTokens),
        },
      },
    },
    async (request, reply) => {
      refuseBody(request);
      const wanted = { kind: 'revoke token', token: request.params.token } as const;
      if (isDry(request))
        return { dryRun: true as const, tokens: suppose(request, reply, wanted).tokens.map(nameToken) };
      const { position, tokens } = await submit(request, reply, wanted);
      return { position, tokens: tokens.map(nameToken) };
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

const nameToken = ({ token, name }: { token: string; name: string }) => ({ token, name });

function tokenRow({ id: token, name, scopes, expiresAt, issuedAt, issuedBy }: TokenView, nowMs: number) {
  const expired = expiresAt !== null && parseIsoTime(expiresAt) <= nowMs;
  return { token, name, scopes: [...scopes], expiresAt, issuedAt, issuedBy, expired };
}
