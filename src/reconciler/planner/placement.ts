/**
 * Owns where a container may run and where it runs best. Pure. Each filter can check a node and explain itself, so
 * the explanation of a decision, and of a refusal, comes free.
 */

import TinyQueue from 'tinyqueue';
import { type Candidates, explanationNamesMax, type FilteredNodes } from '../../events/schema/catalog.ts';
import type { ContainerSpec } from '../../model/service.ts';
import type { ClusterView, ContainerView, EngineView, NodeView } from '../../projections/view/cluster-view.ts';
import { portKey } from '../../projections/view/engines.ts';

type Reserved = { memoryBytes: number; cpuMillis: number; hostPorts: Set<string> };

/** What this pass has placed already and the view does not know yet. */
export type Reservations = {
  containersByNode: Map<string, number>;
  byEngine: Map<string, Reserved>;
};

export const noReservations = (): Reservations => ({ containersByNode: new Map(), byEngine: new Map() });

export type Placement = { node: NodeView; candidates: Candidates; filtered: FilteredNodes };

/** Places one service's containers one after the other. */
export type Placer = {
  /**
   * The best node for the next container, reserved; or why there is none.
   * @param unresponsive nodes that let the slot's last containers wait in vain, the latest first: only when no other will do
   */
  place(unresponsive?: readonly string[]): Placement | { node: null; filtered: FilteredNodes };
  /**
   * Is there room for one more once these are gone: on the node of one of them, or on any that has it now? The room is
   * kept from the service's other containers; another service may still take it.
   */
  reserve(leaving: readonly ContainerView[]): { isReserved: true } | { isReserved: false; filtered: FilteredNodes };
};

export type PlacerOptions = {
  /** How many wanted containers the service has on a node now. */
  replicasOnNode: (node: string) => number;
  isSilent: (node: NodeView) => boolean;
  reservations: Reservations;
};

type Site = { node: NodeView; engine: EngineView; reserved: readonly Reserved[]; isSilent: boolean };

type Rejection = { filter: string; reason: string };

type Filter = {
  name: string;
  /** Why the node will not do, as a sentence's end; null when it will. */
  reject(site: Site, spec: ContainerSpec): string | null;
};

const filters: readonly Filter[] = [
  { name: 'ready', reject: ({ node }) => (node.state === 'ready' ? null : 'the node is lost') },
  { name: 'heard', reject: ({ isSilent }) => (isSilent ? 'the node is silent' : null) },
  {
    name: 'availability',
    reject: ({ node }) => (node.availability === 'active' ? null : `the node is ${node.availability}`),
  },
  {
    name: 'host port',
    reject: ({ engine, reserved }, spec) => {
      const taken = spec.ports.find(
        ({ host, protocol }) =>
          host !== null &&
          (engine.hostPorts.has(portKey(host, protocol)) ||
            reserved.some(({ hostPorts }) => hostPorts.has(portKey(host, protocol)))),
      );
      return taken ? `host port ${taken.host}/${taken.protocol} is taken on the engine` : null;
    },
  },
  {
    name: 'memory',
    reject: ({ engine, reserved }, spec) => {
      const wanted = spec.resources.memoryBytes ?? 0;
      const held = reserved.reduce((sum, { memoryBytes }) => sum + memoryBytes, engine.memoryReservedBytes);
      return wanted === 0 || held + wanted <= engine.memoryBytes
        ? null
        : `less than ${wanted} bytes of memory are free on the engine`;
    },
  },
  {
    name: 'cpu',
    reject: ({ engine, reserved }, spec) => {
      const wanted = spec.resources.cpuMillis ?? 0;
      const held = reserved.reduce((sum, { cpuMillis }) => sum + cpuMillis, engine.cpuReservedMillis);
      return wanted === 0 || held + wanted <= engine.cpuMillis
        ? null
        : `less than ${wanted / 1000} CPUs are free on the engine`;
    },
  },
];

type Candidate = { node: NodeView; replicasOfService: number; containers: number; order: number };

/** Fewest replicas of the service, then fewest containers, then the order of registration. */
const byLoad = (a: Candidate, b: Candidate) =>
  a.replicasOfService - b.replicasOfService || a.containers - b.containers || a.order - b.order;

/**
 * Looks at every node once; each placement after that costs the logarithm of their number. Pure, but for the
 * reservations it adds to.
 */
export function createPlacer(
  view: ClusterView,
  spec: ContainerSpec,
  { replicasOnNode, isSilent, reservations }: PlacerOptions,
): Placer {
  const rejections = new Map<string, FilteredNodes[number]>();
  const rejectionKeys = new Map<string, string>();
  const promises: Reservations['byEngine'] = new Map();

  const siteOf = (node: NodeView): Site => {
    const engine = view.engines.get(node.engine.engineId);
    if (!engine) throw new Error(`node ${node.id} names engine ${node.engine.engineId}, which no view has`);
    const reserved = [reservations.byEngine, promises].flatMap((byEngine) => byEngine.get(engine.engineId) ?? []);
    return { node, engine, reserved, isSilent: isSilent(node) };
  };

  /** What is said of a node last is what is told of it. */
  const noteRejection = ({ id }: NodeView, { filter, reason }: Rejection): void => {
    const key = `${filter} ${reason}`;
    const earlier = rejections.get(rejectionKeys.get(id) ?? '');
    if (earlier) {
      earlier.count -= 1;
      earlier.nodes = earlier.nodes.filter((named) => named !== id);
    }
    const entry = rejections.get(key) ?? { filter, reason, count: 0, nodes: [] };
    entry.count += 1;
    if (entry.nodes.length < explanationNamesMax) entry.nodes.push(id);
    rejections.set(key, entry);
    rejectionKeys.set(id, key);
  };

  const isRejected = (node: NodeView): boolean => {
    const rejection = rejectionOf(siteOf(node), spec);
    if (rejection) noteRejection(node, rejection);
    return rejection !== null;
  };

  const explain = (): FilteredNodes =>
    [...rejections.values()].filter(({ count }) => count > 0).map((entry) => ({ ...entry, nodes: [...entry.nodes] }));

  const candidates: Candidate[] = [];
  let order = 0;
  for (const node of view.nodes.values()) {
    order += 1;
    if (isRejected(node)) continue;
    const containers = node.containers.size + (reservations.containersByNode.get(node.id) ?? 0);
    candidates.push({ node, replicasOfService: replicasOnNode(node.id), containers, order });
  }
  const queue = new TinyQueue(candidates, byLoad);

  /** The best candidates that still pass: what was placed before may have filled an engine. Unresponsive ones come on top. */
  const takeBest = (unresponsive: readonly string[]): { best: Candidate[]; unresponsive: Candidate[] } => {
    const taken = { best: [] as Candidate[], unresponsive: [] as Candidate[] };
    while (taken.best.length < explanationNamesMax) {
      const candidate = queue.pop();
      if (!candidate) break;
      if (isRejected(candidate.node)) continue;
      (unresponsive.includes(candidate.node.id) ? taken.unresponsive : taken.best).push(candidate);
    }
    return taken;
  };

  /** Would its node take one more if it were gone? If not, that is why the node will not do: not that it is there. */
  const isInTheWay = (container: ContainerView): boolean => {
    const node = view.nodes.get(container.node);
    if (!node || node.engine.engineId !== container.engineId) return false;
    const site = siteOf(node);
    const rejection = rejectionOf({ ...site, engine: engineWithout(site.engine, container) }, spec);
    if (rejection && rejectionKeys.has(node.id)) noteRejection(node, rejection);
    return rejection === null;
  };

  return {
    place(unresponsiveNodes = []) {
      const { best, unresponsive } = takeBest(unresponsiveNodes);
      // Prefer the node whose time-out is the oldest.
      const asked = unresponsive.toSorted(
        (a, b) => unresponsiveNodes.indexOf(b.node.id) - unresponsiveNodes.indexOf(a.node.id),
      );
      const ranked = best.length > 0 ? best : asked;
      const [chosen] = ranked;
      if (!chosen) return { node: null, filtered: explain() };
      const candidates = ranked.map(({ node, replicasOfService, containers }) => ({
        node: node.id,
        replicasOfService,
        containers,
      }));
      const filtered = [...explain(), ...(best.length > 0 ? explainUnresponsive(unresponsive) : [])];
      const containers = reservations.containersByNode.get(chosen.node.id) ?? 0;
      reservations.containersByNode.set(chosen.node.id, containers + 1);
      reserve(reservations.byEngine, chosen.node, spec);
      chosen.replicasOfService += 1;
      chosen.containers += 1;
      for (const candidate of [...best, ...unresponsive]) queue.push(candidate);
      return { node: chosen.node, candidates, filtered };
    },
    reserve(leaving) {
      const swapped = leaving.find(isInTheWay);
      if (swapped) {
        reserve(promises, view.nodes.get(swapped.node)!, spec, swapped.spec);
        return { isReserved: true };
      }
      const { best } = takeBest([]);
      const [chosen] = best;
      if (!chosen) return { isReserved: false, filtered: explain() };
      reserve(promises, chosen.node, spec);
      for (const candidate of best) queue.push(candidate);
      return { isReserved: true };
    },
  };
}

function rejectionOf(site: Site, spec: ContainerSpec): Rejection | null {
  for (const { name: filter, reject } of filters) {
    const reason = reject(site, spec);
    if (reason !== null) return { filter, reason };
  }
  return null;
}

function engineWithout(engine: EngineView, { id, spec: { resources } }: ContainerView): EngineView {
  return {
    ...engine,
    memoryReservedBytes: engine.memoryReservedBytes - (resources.memoryBytes ?? 0),
    cpuReservedMillis: engine.cpuReservedMillis - (resources.cpuMillis ?? 0),
    hostPorts: new Map([...engine.hostPorts].filter(([, holder]) => holder !== id)),
  };
}

function explainUnresponsive(unresponsive: readonly Candidate[]): FilteredNodes {
  if (unresponsive.length === 0) return [];
  const nodes = unresponsive.map(({ node }) => node.id);
  const reason = 'a container of the slot waited there in vain';
  return [{ filter: 'queue timeout', reason, count: nodes.length, nodes }];
}

/** @param leaving what goes from the node for it: only what it needs beyond that is new */
function reserve(
  byEngine: Reservations['byEngine'],
  node: NodeView,
  spec: ContainerSpec,
  leaving?: ContainerSpec,
): void {
  const { engineId } = node.engine;
  const engine = byEngine.get(engineId) ?? { memoryBytes: 0, cpuMillis: 0, hostPorts: new Set() };
  const more = (what: 'memoryBytes' | 'cpuMillis') =>
    Math.max(0, (spec.resources[what] ?? 0) - (leaving?.resources[what] ?? 0));
  engine.memoryBytes += more('memoryBytes');
  engine.cpuMillis += more('cpuMillis');
  for (const { host, protocol } of spec.ports) if (host !== null) engine.hostPorts.add(portKey(host, protocol));
  byEngine.set(engineId, engine);
}
