/** What containers reserve of an engine: memory, CPUs, host ports. Several nodes may share one engine. */

import type { EngineDescription } from '../../model/node.ts';
import type { ContainerSpec } from '../../model/service.ts';
import type { ClusterView, ContainerView, EngineView } from './cluster-view.ts';
import { type Touched, touchBlocked } from './touched.ts';

export const portKey = (host: number, protocol: string): string => `${host}/${protocol}`;

/** The last node that registers says what the engine offers. */
export function attachNode(view: ClusterView, node: string, engine: EngineDescription): void {
  const shared = openEngine(view, engine.engineId);
  shared.memoryBytes = engine.memoryBytes;
  shared.cpuMillis = engine.cpuMillis;
  shared.nodes.add(node);
}

export function detachNode(view: ClusterView, node: string, engineId: string): void {
  const engine = view.engines.get(engineId);
  if (!engine) return;
  engine.nodes.delete(node);
  dropUnused(view, engine);
}

export function reserve(view: ClusterView, container: ContainerView, touched: Touched): void {
  const engine = openEngine(view, container.engineId);
  const { resources, ports } = container.spec;
  engine.containers += 1;
  engine.memoryReservedBytes += resources.memoryBytes ?? 0;
  engine.cpuReservedMillis += resources.cpuMillis ?? 0;
  for (const { host, protocol } of ports)
    if (host !== null) engine.hostPorts.set(portKey(host, protocol), container.id);
  touchWaiting(view, container, touched);
}

export function release(view: ClusterView, container: ContainerView, touched: Touched): void {
  touchWaiting(view, container, touched);
  const engine = view.engines.get(container.engineId);
  if (!engine) return;
  const { resources, ports } = container.spec;
  engine.containers -= 1;
  engine.memoryReservedBytes -= resources.memoryBytes ?? 0;
  engine.cpuReservedMillis -= resources.cpuMillis ?? 0;
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
  return resources.memoryBytes !== null || resources.cpuMillis !== null || ports.some(({ host }) => host !== null);
}

function openEngine(view: ClusterView, engineId: string): EngineView {
  const known = view.engines.get(engineId);
  if (known) return known;
  const engine: EngineView = {
    engineId,
    nodes: new Set(),
    containers: 0,
    memoryBytes: 0,
    cpuMillis: 0,
    memoryReservedBytes: 0,
    cpuReservedMillis: 0,
    hostPorts: new Map(),
  };
  view.engines.set(engineId, engine);
  return engine;
}

function dropUnused(view: ClusterView, engine: EngineView): void {
  if (engine.nodes.size === 0 && engine.containers === 0) view.engines.delete(engine.engineId);
}
