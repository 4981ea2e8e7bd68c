/** Serves /login: a person's token for the cookie of a session, so that pages can be opened in a browser. */

import { createHash } from 'node:crypto';
import { Type } from '@sinclair/typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { hasCode } from '../../errors.ts';
import type { Access } from '../request/access.ts';
import { refuseForeignSite } from '../request/origin.ts';
import { endSession, openSession } from '../request/session.ts';
import { contentPolicyOf } from '../response/security-headers.ts';
import { empty, strict } from '../schema/schema.ts';
import { loginPage, loginStyle } from './login-page.ts';
import { refuseBody, type Server } from './route.ts';

/** A path of this server: a link of another site must not lead on to one of its own. */
const NextPath = Type.String({
  pattern: '^/(?![/\\\\])[\\x21-\\x5b\\x5d-\\x7e]*$',
  maxLength: 512,
  description: 'a path of this server',
});
const LoginQuery = Type.Object({ next: Type.Optional(NextPath) }, strict);
const LoginBody = Type.Object(
  { token: Type.String({ minLength: 1, maxLength: 512 }), next: Type.Optional(NextPath) },
  strict,
);

const open = { scope: 'open', isRecorded: false } as const;
const tags = ['tokens'];
const page = { description: 'A page', content: { 'text/html': { schema: { type: 'string' } } } };
const afterLogin = '/';

const pagePolicy = contentPolicyOf({
  styleSrc: [`'sha256-${createHash('sha256').update(loginStyle).digest('base64')}'`],
  formAction: ["'self'"],
});

/** Browsers send a form; the parser of it is this plugin's alone. */
export function addLoginRoutes(server: Server, { identifyToken }: Pick<Access, 'identifyToken'>): void {
  const type = 'application/x-www-form-urlencoded';
  server.addContentTypeParser(type, { parseAs: 'string' }, (_request, body, done) =>
    done(null, Object.fromEntries(new URLSearchParams(body as string))),
  );

  const sendPage = (reply: FastifyReply, status: number, next: string, refusal: string | null) =>
    reply
      .code(status)
      .header('content-security-policy', pagePolicy)
      // Without a referrer a browser sends a form with `Origin: null`, as another site's would be.
      .header('referrer-policy', 'same-origin')
      .type('text/html; charset=utf-8')
      .send(loginPage({ next, refusal }));

  server.get(
    '/login',
    {
      config: open,
      schema: {
        operationId: 'showLogin',
        tags,
        summary: 'The page to log in',
        querystring: LoginQuery,
        response: { 200: page },
      },
    },
    (request, reply) => sendPage(reply, 200, request.query.next ?? afterLogin, null),
  );

  server.post(
    '/login',
    {
      config: { ...open, refusals: ['unauthenticated', 'too_many_attempts'] },
      schema: {
        operationId: 'logIn',
        tags,
        summary: 'Exchange a token for the cookie of a session',
        consumes: ['application/json', type],
        body: LoginBody,
        response: { 204: empty('Logged in'), 303: empty('Logged in, by a form'), 401: page },
      },
    },
    async (request, reply) => {
      refuseForeignSite(request);
      const { token, next = afterLogin } = request.body;
      const isForm = request.headers['content-type']?.startsWith(type) === true;
      try {
        await identifyToken(request, token);
      } catch (error) {
        if (!isForm || !hasCode(error, 'unauthenticated')) throw error;
        return sendPage(reply, 401, next, 'This token is unknown, expired or revoked.');
      }
      reply.header('set-cookie', openSession(token, { isSecure: isSecure(request) }));
      return isForm ? reply.redirect(next, 303) : reply.code(204).send();
    },
  );

  server.post(
    '/logout',
    {
      config: open,
      schema: {
        operationId: 'logOut',
        tags,
        summary: 'End the session of this browser',
        response: { 204: empty('Logged out') },
      },
    },
    (request, reply) => {
      refuseBody(request);
      refuseForeignSite(request);
      return reply
        .header('set-cookie', endSession({ isSecure: isSecure(request) }))
        .code(204)
        .send();
    },
  );
}

const isSecure = ({ protocol }: FastifyRequest) => protocol === 'https';
