/** Serves /session: who calls, and what they may do, so that a page offers nothing that would be refused. */

import { Type } from '@sinclair/typebox';
import { allows, scopes } from '../../model/token.ts';
import { named, oneOf, ref } from '../schema/schema.ts';
import type { Server } from './route.ts';

export const SessionBody = named('Session', {
  actor: Type.String({ description: 'as the log names who calls' }),
  scopes: Type.Array(oneOf(scopes)),
  hasToken: Type.Boolean({ description: 'false: this machine itself, on loopback' }),
});

export function addSessionRoutes(server: Server): void {
  server.get(
    '/session',
    {
      config: { scope: 'read', isRecorded: false },
      schema: {
        operationId: 'getSession',
        tags: ['tokens'],
        summary: 'Who calls, and with which scopes',
        response: { 200: ref<object>(SessionBody) },
      },
    },
    ({ caller }) => ({
      actor: caller!.actor,
      scopes: scopes.filter((scope) => allows(caller!.scopes, scope)),
      hasToken: caller!.limitKey !== null,
    }),
  );
}
