/** Serves /node: whether a node takes containers, declaring one lost, and removing a lost one. */

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { NodeAction } from '../../reconciler/commands/decide.ts';
import { AcceptedNodes, NodeParams } from '../request/service-schema.ts';
import { refuseBody, type Server } from './route.ts';
import type { Submit } from './submit.ts';

const actions = [
  { action: 'cordon', summary: 'Place nothing more on a node' },
  { action: 'drain', summary: 'Move everything off a node and place nothing more on it' },
  { action: 'activate', summary: 'Place containers on a node again' },
  {
    action: 'lost',
    summary:
      'Declare a node lost that sends no heartbeats: its containers are replaced, also while rescheduling is paused',
  },
] as const;

export function addNodeRoutes(server: Server, submit: Submit): void {
  const change = async (request: FastifyRequest, reply: FastifyReply, node: string, action: NodeAction) => {
    refuseBody(request);
    const { position, nodes } = await submit(request, reply, { kind: 'node', node, action });
    reply.header('location', `/node_state?node=${node}`);
    return { position, nodes };
  };

  for (const { action, summary } of actions) {
    server.post(
      `/node/:id/${action}`,
      { config: { scope: 'write' }, schema: { summary, params: NodeParams, response: { 202: AcceptedNodes } } },
      (request, reply) => change(request, reply, request.params.id, action),
    );
  }

  server.delete(
    '/node/:id',
    {
      config: { scope: 'write' },
      schema: { summary: 'Remove a node that is lost', params: NodeParams, response: { 202: AcceptedNodes } },
    },
    (request, reply) => change(request, reply, request.params.id, 'remove'),
  );
}
