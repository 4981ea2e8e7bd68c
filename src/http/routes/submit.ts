/** Submits changes to the command handler, with the response that all accepted changes have in common. */

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { CommandResult, HandleCommand } from '../../reconciler/append/command-handler.ts';
import type { ApiRequest } from '../../reconciler/commands/decide.ts';
import { idempotencyOf } from '../request/idempotency-key.ts';
import { actorOf } from './route.ts';

/** @throws AppError `header_invalid` and what the handler throws */
export type Submit = (request: FastifyRequest, reply: FastifyReply, change: ApiRequest) => Promise<CommandResult>;

export function createSubmit(handle: HandleCommand, { clusterId }: { clusterId: string }): Submit {
  return async (request, reply, change) => {
    const actor = actorOf(request);
    const result = await handle({
      request: change,
      context: { actor, requestId: request.id },
      idempotency: idempotencyOf(request, { actor, clusterId }),
    });
    if (result.repeated) reply.header('idempotent-replayed', 'true');
    reply.code(202);
    return result;
  };
}
