/** Submits changes to the command handler, with the response that all accepted changes have in common. */

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { CommandResult, HandleCommand } from '../../reconciler/append/command-handler.ts';
import type { ApiRequest } from '../../reconciler/commands/decide.ts';
import { idempotencyOf } from '../request/idempotency-key.ts';
import { preconditionOf } from '../request/precondition.ts';
import { resourceTag } from '../response/entity-tag.ts';
import { actorOf } from './route.ts';

/** @throws AppError `header_invalid` and what the handler throws */
export type Submit = (
  request: FastifyRequest,
  reply: FastifyReply,
  change: ApiRequest,
  /** What repeats have to be equal in, where that is not the body as it is: it holds a secret. */
  hashed?: unknown,
) => Promise<CommandResult>;

export function createSubmit(handle: HandleCommand, { clusterId }: { clusterId: string }): Submit {
  return async (request, reply, change, hashed = request.body) => {
    const actor = actorOf(request);
    const result = await handle({
      request: change,
      context: { actor, requestId: request.id },
      idempotency: idempotencyOf(request, { actor, clusterId, hashed }),
      precondition: preconditionOf(request.headers),
    });
    const { version, position } = result;
    // A later change with this tag depends on this one being the last.
    if (version !== null && hasTag(result)) reply.header('etag', resourceTag(version, position));
    if (result.repeated) reply.header('idempotent-replayed', 'true');
    reply.code(202);
    return result;
  };
}

/** A node that was removed is gone, and tokens have no tags. */
const hasTag = ({ services, nodes }: CommandResult) =>
  services.length === 1 || nodes.some(({ availability }) => availability !== 'removed');
