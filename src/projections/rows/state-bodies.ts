/**
 * The bodies that describe the state of the cluster, now or as of any position of its past: the same builders serve the
 * live view and a replayed one. Pure. Arrays are in a stable order; position and time are those of the last fact.
 */

import type { ContainerState } from '../../model/container.ts';
import type { EngineKind, NodeState } from '../../model/node.ts';
import type { ServiceStatus } from '../../model/status-charts.ts';
import type { AlarmView, ClusterView, ContainerView, NodeView, ServiceView } from '../view/cluster-view.ts';
import { type ShownContainerRow, shownContainerRow } from './container-row.ts';
import { type NodeRow, shownNodeRow } from './node-row.ts';
import { compareNames, sortNatural } from './order.ts';
import { type RestartCounts, restartCounts } from './restart-counts.ts';
import { type ServiceRow, serviceRow } from './service-row.ts';

export type ServiceFilter = { service?: string; node?: string; state?: ServiceStatus };
export type NodeFilter = { service?: string; node?: string; state?: NodeState };
export type ContainerFilter = {
  service?: string;
  node?: string;
  state?: ContainerState;
  /** Also those that ended within the last hour of log time. Default false. */
  ended?: boolean;
};

type Head = { position: number; at: string };
export type ShownServiceRow = ServiceRow & RestartCounts;
export type ServiceStateBody = Head & { services: ShownServiceRow[] };
export type NodeStateBody = Head & { nodes: ReturnType<typeof shownNodeRow>[] };
export type ContainerStateBody = Head & { containers: ShownContainerRow[] };
export type StateBody = Head & {
  cluster: ClusterView['cluster'];
  /** What the nodes run containers on; `mixed` when they differ, null without nodes. */
  engine: EngineKind | 'mixed' | null;
  log: string;
  bus: string;
  leader: { controllerId: string; term: number } | null;
  alarms: AlarmView[];
  nodes: (NodeRow & { lastHeardAt: string | null })[];
  services: ShownServiceRow[];
  containers: ContainerStateBody['containers'];
};

const headOf = (view: ClusterView): Head => ({ position: view.factPosition, at: view.factAt });

/** By name. */
export function serviceStateBody(view: ClusterView, filter: ServiceFilter = {}): ServiceStateBody {
  const services = selectServices(view, filter.service)
    .filter(({ perNode }) => filter.node === undefined || perNode.has(filter.node))
    .map((service) => ({ ...serviceRow(view, service), ...restartCounts(view, service) }))
    .filter(({ status }) => filter.state === undefined || status === filter.state);
  return { ...headOf(view), services };
}

/** By name in natural order: worker-2 before worker-10. */
export function nodeStateBody(view: ClusterView, filter: NodeFilter = {}): NodeStateBody {
  const nodes = selectNodes(view, filter.node)
    .filter(({ state }) => filter.state === undefined || state === filter.state)
    .filter(({ id }) => filter.service === undefined || view.services.get(filter.service)?.perNode.has(id))
    .map(shownNodeRow);
  return { ...headOf(view), nodes };
}

/** By service, slot, and the order in which they were queued. */
export function containerStateBody(view: ClusterView, filter: ContainerFilter = {}): ContainerStateBody {
  const live = selectServices(view, filter.service).flatMap((service) => liveInOrder(view, service));
  const ended = filter.ended ? endedOf(view, filter.service) : [];
  const inOrder = ended.length > 0 ? [...live, ...ended].sort(bySlot) : live;
  const containers = inOrder
    .filter(({ node }) => filter.node === undefined || node === filter.node)
    .filter(({ state }) => filter.state === undefined || state === filter.state)
    .map((container) => shownContainerRow(view, container));
  return { ...headOf(view), containers };
}

/**
 * Everything at once.
 * @param described how log and bus are kept, for operators
 */
export function stateBody(view: ClusterView, described: { log: string; bus: string }): StateBody {
  const { term, controllerId, resigned } = view.controller;
  const alarms = [...view.alarms.values()];
  return {
    ...headOf(view),
    cluster: view.cluster,
    engine: engineOf(view),
    log: described.log,
    bus: described.bus,
    leader: term === 0 || resigned ? null : { controllerId, term },
    alarms: alarms.sort((a, b) => compareNames(a.alarm, b.alarm) || compareNames(a.subject, b.subject)),
    nodes: nodeStateBody(view).nodes,
    services: serviceStateBody(view).services,
    containers: containerStateBody(view).containers,
  };
}

function engineOf(view: ClusterView): StateBody['engine'] {
  const kinds = new Set([...view.nodes.values()].map(({ engine }) => engine.kind));
  const [kind] = kinds;
  return kinds.size > 1 ? 'mixed' : (kind ?? null);
}

function selectServices(view: ClusterView, name: string | undefined): ServiceView[] {
  if (name === undefined) return [...view.services.values()].sort((a, b) => compareNames(a.name, b.name));
  const service = view.services.get(name);
  return service ? [service] : [];
}

function selectNodes(view: ClusterView, id: string | undefined): NodeView[] {
  if (id === undefined) return sortNatural(view.nodes.values(), ({ id }) => id);
  const node = view.nodes.get(id);
  return node ? [node] : [];
}

function liveInOrder(view: ClusterView, service: ServiceView): ContainerView[] {
  const slots = [...service.slots.values()].sort((a, b) => a.slot - b.slot);
  return slots.flatMap(({ containers }) => [...containers].map((id) => view.containers.get(id)!));
}

function endedOf(view: ClusterView, service: string | undefined): ContainerView[] {
  const ended = [...view.ended].map((id) => view.containers.get(id)!);
  return service === undefined ? ended : ended.filter((container) => container.service === service);
}

function bySlot(a: ContainerView, b: ContainerView): number {
  return compareNames(a.service, b.service) || a.slot - b.slot || a.queuedPosition - b.queuedPosition;
}
