/** What containers reserve of an engine: memory, CPUs, host ports. Several nodes may share one engine. */

import { reservationOf } from '../../model/resources.ts';
import type { ContainerSpec } from '../../model/service.ts';
import type { ClusterView, ContainerView, NodeView } from './cluster-view.ts';
import type { EngineView } from './engine-view.ts';
import { type Touched, touchBlocked } from './touched.ts';

export const portKey = (host: number, protocol: string): string => `${host}/${protocol}`;

/**
 * What an engine offers is each node's own word: one that names another's engine cannot speak for it.
 * @param containers of the node: what they reserve goes along when the node has another engine by now
 */
export function attachNode(
  view: ClusterView,
  { id, engine: { engineId }, containers }: Pick<NodeView, 'id' | 'engine' | 'containers'>,
  touched: Touched,
): void {
  openEngine(view, engineId).nodes.add(id);
  compareNodes(view, engineId);
  for (const containerId of containers) {
    const container = view.containers.get(containerId);
    if (!container || container.engineId === engineId) continue;
    release(view, container, touched);
    container.engineId = engineId;
    reserve(view, container, touched);
  }
}

export function detachNode(view: ClusterView, node: string, engineId: string): void {
  const engine = view.engines.get(engineId);
  if (!engine) return;
  engine.nodes.delete(node);
  compareNodes(view, engineId);
  dropUnused(view, engine);
}

/** After one of its nodes came, went or was lost. */
export function compareNodes(view: ClusterView, engineId: string): void {
  const engine = view.engines.get(engineId);
  if (!engine) return;
  const described = [...engine.nodes].flatMap((id) => {
    const node = view.nodes.get(id);
    return node && node.state !== 'lost' ? [`${node.engine.memoryBytes} ${node.engine.cpuMillis}`] : [];
  });
  engine.isDisputed = new Set(described).size > 1;
}

/** What a node has to itself or shares. Where its nodes do not agree, each has what it says, and holds what runs on it. */
export function engineOfNode(view: ClusterView, node: NodeView): EngineView {
  const shared = view.engines.get(node.engine.engineId);
  if (!shared) throw new Error(`node ${node.id} names engine ${node.engine.engineId}, which no view has`);
  if (!shared.isDisputed) return shared;
  const own = newEngine(`${shared.engineId} ${node.id}`);
  own.nodes.add(node.id);
  for (const id of node.containers) {
    const container = view.containers.get(id);
    if (container) hold(own, container);
  }
  return own;
}

export function reserve(view: ClusterView, container: ContainerView, touched: Touched): void {
  hold(openEngine(view, container.engineId), container);
  touchWaiting(view, container, touched);
}

function hold(engine: EngineView, { id, spec: { resources, ports } }: ContainerView): void {
  engine.containers += 1;
  const { memoryBytes, cpuMillis } = reservationOf(resources);
  engine.memoryReservedBytes += memoryBytes ?? 0;
  engine.cpuReservedMillis += cpuMillis ?? 0;
  for (const { host, protocol } of ports) if (host !== null) engine.hostPorts.set(portKey(host, protocol), id);
}

export function release(view: ClusterView, container: ContainerView, touched: Touched): void {
  touchWaiting(view, container, touched);
  const engine = view.engines.get(container.engineId);
  if (!engine) return;
  const { resources, ports } = container.spec;
  const { memoryBytes, cpuMillis } = reservationOf(resources);
  engine.containers -= 1;
  engine.memoryReservedBytes -= memoryBytes ?? 0;
  engine.cpuReservedMillis -= cpuMillis ?? 0;
  for (const { host, protocol } of ports) {
    if (host === null) continue;
    const key = portKey(host, protocol);
    // Another may hold it by now, where two engines turned out to be one.
    if (engine.hostPorts.get(key) === container.id) engine.hostPorts.delete(key);
  }
  dropUnused(view, engine);
}

/** A service that waits for room may have it now, or another reason to wait. */
function touchWaiting(view: ClusterView, { spec }: ContainerView, touched: Touched): void {
  if (holdsAnything(spec)) touchBlocked(view, touched);
}

/** Does it take room from others, and does its end make some? */
function holdsAnything({ resources, ports }: ContainerSpec): boolean {
  const { memoryBytes, cpuMillis } = reservationOf(resources);
  return memoryBytes !== null || cpuMillis !== null || ports.some(({ host }) => host !== null);
}

function openEngine(view: ClusterView, engineId: string): EngineView {
  const known = view.engines.get(engineId);
  if (known) return known;
  const engine = newEngine(engineId);
  view.engines.set(engineId, engine);
  return engine;
}

const newEngine = (engineId: string): EngineView => ({
  ...{ engineId, isDisputed: false, nodes: new Set(), containers: 0 },
  ...{ memoryReservedBytes: 0, cpuReservedMillis: 0, hostPorts: new Map() },
});

function dropUnused(view: ClusterView, engine: EngineView): void {
  if (engine.nodes.size === 0 && engine.containers === 0) view.engines.delete(engine.engineId);
}
