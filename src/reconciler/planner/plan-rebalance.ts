/**
 * Plans moves of running replicas from nodes, or domains, that have more to nodes that have fewer: after a node came back,
 * nothing else would. One that moves is replaced as one on a draining node is, but only beside its successor. Pure.
 */

import { streams } from '../../events/schema/event.ts';
import type { RebalancePolicy } from '../../model/placement.ts';
import type { ClusterView, ContainerView, NodeView, ServiceView } from '../../projections/view/cluster-view.ts';
import { createPlacer } from './placement.ts';
import { domainOf } from './placement-rules.ts';
import type { PlanRound } from './plan-round.ts';
import { noReservations } from './reservations.ts';
import { expectService } from './service-steps.ts';
import { controllerActor, metaOf, type Step } from './step.ts';

/** Of a service for which nothing else is to be done. */
export function planRebalance(view: ClusterView, service: ServiceView, round: PlanRound): Step[] {
  const policy = rebalanceOf(service, round);
  if (!policy && !service.balancing) return [];
  const replicas = settledReplicas(view, service);
  if (!replicas || (service.balancing && service.balancing.coolUntilMs > round.nowMs)) return [];
  const moves = policy ? findMoves(view, service, replicas, round).slice(0, policy.maxMoves) : [];
  if (policy && moves.length > 0) return moves.map((move) => requestMove(service, move, policy, round.nowMs));
  return service.balancing ? [endBalancing(service, service.balancing.moves)] : [];
}

/** The cluster's, for a service that says nothing; a packed service is not spread. */
function rebalanceOf({ policy, removing, job }: ServiceView, round: PlanRound): RebalancePolicy | null {
  if (removing || job || policy.mode === 'global' || policy.placement?.strategy === 'binpack') return null;
  return policy.rebalance ?? round.rebalance ?? null;
}

/** One container a slot, each running well by the present spec; null while anything else is under way. */
function settledReplicas(view: ClusterView, service: ServiceView): ContainerView[] | null {
  if (service.rollout && service.rollout.state !== 'completed') return null;
  const containers = [...service.slots.values()].flatMap((slot) => [...slot.containers]);
  if (containers.length !== service.replicas) return null;
  const replicas = containers.map((id) => view.containers.get(id)!);
  const isSettled = ({ specHash, move, state, isChecked, health }: ContainerView) =>
    specHash === service.specHash && move === null && state === 'running' && (!isChecked || health === 'healthy');
  return replicas.every(isSettled) ? replicas : null;
}

type Move = { container: ContainerView; to: NodeView; replicasFrom: number; replicasTo: number };

/** Each makes the counts of two nodes, or of two domains, more equal; none is left that would. */
function findMoves(view: ClusterView, service: ServiceView, replicas: ContainerView[], round: PlanRound): Move[] {
  const { placement } = service.policy;
  const onNode = countBy(replicas, ({ node }) => node);
  const inDomain = countBy(replicas, ({ node }) => domainOf(view.nodes.get(node)!, placement));
  const placer = createPlacer(view, service.spec, {
    ...{ policy: placement, isSilent: round.isSilent, reservations: noReservations() },
    replicasOnNode: (node) => onNode.get(node) ?? 0,
  });
  const left = new Set(replicas);
  const moves: Move[] = [];
  for (;;) {
    const { node: to } = placer.place();
    if (!to) return moves;
    const [here, domain] = [onNode.get(to.id) ?? 0, domainOf(to, placement)];
    const excessOf = ({ node }: ContainerView) => {
      const from = domainOf(view.nodes.get(node)!, placement);
      if (from !== domain) return (inDomain.get(from) ?? 0) - (inDomain.get(domain) ?? 0);
      return onNode.get(node)! - here;
    };
    const container = [...left].reduce<ContainerView | null>(
      (best, one) => (best && compareMoves(best, one, excessOf, onNode) <= 0 ? best : one),
      null,
    );
    if (!container || excessOf(container) < 2) return moves;
    moves.push({ container, to, replicasFrom: onNode.get(container.node)!, replicasTo: here });
    left.delete(container);
    shift(onNode, container.node, to.id);
    shift(inDomain, domainOf(view.nodes.get(container.node)!, placement), domain);
  }
}

/** From where there are most; of those the youngest. */
function compareMoves(
  a: ContainerView,
  b: ContainerView,
  excessOf: (container: ContainerView) => number,
  onNode: ReadonlyMap<string, number>,
): number {
  return excessOf(b) - excessOf(a) || onNode.get(b.node)! - onNode.get(a.node)! || b.queuedPosition - a.queuedPosition;
}

function countBy(replicas: readonly ContainerView[], keyOf: (container: ContainerView) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const container of replicas) counts.set(keyOf(container), (counts.get(keyOf(container)) ?? 0) + 1);
  return counts;
}

function shift(counts: Map<string, number>, from: string, to: string): void {
  counts.set(from, (counts.get(from) ?? 0) - 1);
  counts.set(to, (counts.get(to) ?? 0) + 1);
}

function requestMove(
  service: ServiceView,
  { container, to, replicasFrom, replicasTo }: Move,
  { cooldownSeconds }: RebalancePolicy,
  nowMs: number,
): Step {
  const stream = streams.service(service.name);
  return {
    subject: { kind: 'service', name: service.name },
    event: {
      stream,
      type: 'RebalanceRequested',
      data: {
        ...{ service: service.name, slot: container.slot, container: container.id, node: container.node, to: to.id },
        ...{ replicasFrom, replicasTo },
        coolUntil: new Date(nowMs + cooldownSeconds * 1000).toISOString(),
      },
      meta: metaOf(to.latest),
    },
    expect: [expectService(service), { stream: streams.container(container.id), version: container.version }],
  };
}

function endBalancing(service: ServiceView, moves: number): Step {
  return {
    subject: { kind: 'service', name: service.name },
    event: {
      stream: streams.service(service.name),
      type: 'ServiceBalanced',
      data: { service: service.name, moves },
      meta: { actor: controllerActor, causationId: null },
    },
    expect: [expectService(service)],
  };
}
