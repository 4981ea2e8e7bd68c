/** Serves /node: one node, whether it takes containers, declaring one lost, and removing a lost one. */

import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError, hasCode } from '../../errors.ts';
import { shownNodeRow } from '../../projections/rows/node-row.ts';
import type { NodeAction } from '../../reconciler/commands/decide-node.ts';
import type { Members } from '../request/members.ts';
import { NodeLabelsBody } from '../request/placement-schema.ts';
import { AtQuery, toPointInTime } from '../request/point-in-time.ts';
import { AcceptedNodes, NodeParams } from '../request/service-schema.ts';
import { isResourceUnchanged } from '../response/etag.ts';
import { OneNode } from '../schema/rows.ts';
import { ref, unchanged } from '../schema/schema.ts';
import { DryRunQuery, dryRunAnswer, dryRunRefusals, type TryDry } from './dry-run.ts';
import { type HttpDeps, refuseBody, type Server } from './route.ts';
import type { Submit } from './submit.ts';

const actions = [
  { action: 'cordon', operationId: 'cordonNode', refusals: [], summary: 'Place nothing more on a node' },
  {
    action: 'drain',
    operationId: 'drainNode',
    refusals: [],
    summary: 'Move everything off a node and place nothing more on it',
  },
  { action: 'activate', operationId: 'activateNode', refusals: [], summary: 'Place containers on a node again' },
  {
    action: 'lost',
    operationId: 'loseNode',
    refusals: ['node_heard'],
    summary:
      'Declare a node lost that sends no heartbeats: its containers are replaced, also while rescheduling is paused',
  },
] as const;

type Deps = Pick<HttpDeps, 'projector' | 'past' | 'clock'>;
type Changes = { submit: Submit; tryDry: TryDry; members: Members | null };

const tags = ['nodes'];
const accepted = { 202: ref<AcceptedNodes>(AcceptedNodes), ...dryRunAnswer };

export function addNodeRoutes(server: Server, deps: Deps, { submit, tryDry, members }: Changes): void {
  const { projector, past, clock } = deps;
  const change = async (request: FastifyRequest, reply: FastifyReply, node: string, action: NodeAction) => {
    refuseBody(request);
    const wanted = { kind: 'node', node, action } as const;
    const dry = await tryDry(request, reply, wanted);
    if (dry) return dry;
    const { position, nodes } = await submit(request, reply, wanted);
    reply.header('location', action === 'remove' ? '/node_state' : `/node/${node}`);
    return { position, nodes };
  };

  for (const { action, summary, refusals, operationId } of actions) {
    server.post(
      `/node/:id/${action}`,
      {
        config: { scope: 'write', refusals: ['node_not_found', ...refusals, ...dryRunRefusals] },
        schema: { operationId, tags, summary, params: NodeParams, querystring: DryRunQuery, response: accepted },
      },
      (request, reply) => change(request, reply, request.params.id, action),
    );
  }

  addLabelRoute(server, { submit, tryDry });

  server.delete(
    '/node/:id',
    {
      config: {
        scope: 'write',
        refusals: ['node_not_found', 'node_not_lost', 'broker_unavailable', ...dryRunRefusals],
      },
      schema: {
        operationId: 'removeNode',
        querystring: DryRunQuery,
        tags,
        summary: 'Remove a node that is lost, and its user on the broker. Repeating it removes what is left',
        params: NodeParams,
        response: accepted,
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const removed = await change(request, reply, id, 'remove').catch(async (error: unknown) => {
        // It is not, or no longer, in the log; a call that ended in between may have left its user.
        if (hasCode(error, 'node_not_found') && request.query.dryRun !== 'true') await members?.remove(id);
        throw error;
      });
      if (!('dryRun' in removed)) await members?.remove(id);
      return removed;
    },
  );

  server.get(
    '/node/:id',
    {
      config: { scope: 'read', refusals: ['node_not_found'] },
      schema: {
        operationId: 'getNode',
        tags,
        summary: 'One node, now or at a point in time',
        params: NodeParams,
        querystring: AtQuery,
        response: { 200: ref<object>(OneNode), 304: unchanged },
      },
    },
    async (request, reply) => {
      const { at } = request.query;
      const view = at === undefined ? projector.view : await past.viewAt(toPointInTime('at', at, clock.nowMs()));
      const { id } = request.params;
      const node = view.nodes.get(id);
      if (!node) throw new AppError('node_not_found', `no node ${at === undefined ? 'is' : 'was'} called ${id}`);
      if (isResourceUnchanged(request, reply, view, node)) return reply.code(304).send();
      const { position: _changedAt, ...row } = shownNodeRow(node);
      return { position: view.factPosition, at: view.factAt, ...row };
    },
  );
}

function addLabelRoute(server: Server, { submit, tryDry }: Omit<Changes, 'members'>): void {
  server.patch(
    '/node/:id/labels',
    {
      config: { scope: 'write', refusals: ['node_not_found', 'labels_too_many', ...dryRunRefusals] },
      schema: {
        operationId: 'labelNode',
        querystring: DryRunQuery,
        tags,
        summary: 'Set or take away labels of a node, beside those of its agent',
        params: NodeParams,
        body: ref<NodeLabelsBody>(NodeLabelsBody),
        response: accepted,
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const wanted = { kind: 'label node', node: id, labels: request.body } as const;
      const dry = await tryDry(request, reply, wanted);
      if (dry) return dry;
      const { position, nodes } = await submit(request, reply, wanted);
      reply.header('location', `/node/${id}`);
      return { position, nodes };
    },
  );
}
