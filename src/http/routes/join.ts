/** Serves /join: a worker machine becomes a node, by a token that is used up with it. */

import type { FastifyRequest } from 'fastify';
import { AppError } from '../../errors.ts';
import { JoinBody, JoinedNode } from '../request/join-schema.ts';
import type { Members } from '../request/members.ts';
import { ref } from '../schema/schema.ts';
import type { Server } from './route.ts';
import type { Submit } from './submit.ts';

/** @param members null: this manager does not reach the broker's management API */
export function addJoinRoutes(server: Server, members: Members | null, submit: Submit): void {
  server.post(
    '/join',
    {
      config: {
        scope: 'join',
        refusals: ['node_not_lost', 'broker_user_taken', 'broker_unavailable', 'join_not_configured'],
      },
      schema: {
        operationId: 'joinCluster',
        tags: ['nodes'],
        summary: 'Let a worker machine in: its node gets a user on the broker. The token is used up',
        body: JoinBody,
        response: { 201: ref<JoinedNode>(JoinedNode) },
      },
    },
    async (request, reply): Promise<JoinedNode> => {
      const { node } = request.body;
      const token = tokenOf(request);
      if (members === null) {
        const message = 'this manager does not reach RabbitMQ to let nodes in: --amqp-management, on the manager';
        throw new AppError('join_not_configured', message);
      }
      await members.refuseTaken(node);
      // Before the broker is changed: of two calls with one token, the second changes nothing.
      const { position } = await submit(request, reply, { kind: 'use token', token, node });
      const membership = await members.admit(node).catch(saysUsedUp);
      reply.code(201);
      return { position, ...membership };
    },
  );
}

/** The log says whose token let a node in, so there has to be one. @throws AppError `unauthenticated` */
function tokenOf({ caller }: FastifyRequest): string {
  if (caller?.token) return caller.token;
  throw new AppError(
    'unauthenticated',
    'joining takes a token of the log, on loopback as well: coctl token create --join',
  );
}

function saysUsedUp(error: unknown): never {
  if (!(error instanceof AppError)) throw error;
  const { code, message, retryable } = error;
  throw new AppError(code, `${message}; the token is used up: issue another`, { retryable, cause: error });
}
