/** Why a node will not do for a container. Each filter checks a node and explains itself. Pure. */

import { bindNotAllowed, deviceNotAllowed } from '../../model/host-access.ts';
import { reservationOf } from '../../model/resources.ts';
import type { ContainerSpec } from '../../model/service.ts';
import type { ContainerView, NodeView } from '../../projections/view/cluster-view.ts';
import type { EngineView } from '../../projections/view/engine-view.ts';
import { portKey } from '../../projections/view/engines.ts';
import type { Reserved } from './reservations.ts';

/** `reserved`: of the engine, by what this pass has placed. */
export type Site = { node: NodeView; engine: EngineView; reserved: readonly Reserved[]; isSilent: boolean };

/** `reason`: a sentence's end. */
export type Rejection = { filter: string; reason: string };

type Filter = {
  name: string;
  /** null: the node will do. */
  reject(site: Site, spec: ContainerSpec): string | null;
};

const filters: readonly Filter[] = [
  { name: 'ready', reject: ({ node }) => (node.state === 'ready' ? null : 'the node is lost') },
  { name: 'heard', reject: ({ isSilent }) => (isSilent ? 'the node is silent' : null) },
  {
    name: 'engine',
    reject: ({ node }) => (node.engineLost === null ? null : 'the engine does not answer'),
  },
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
    reject: ({ node, engine, reserved }, spec) => {
      const wanted = reservationOf(spec.resources).memoryBytes ?? 0;
      const held = reserved.reduce((sum, { memoryBytes }) => sum + memoryBytes, engine.memoryReservedBytes);
      return wanted === 0 || held + wanted <= node.engine.memoryBytes
        ? null
        : `less than ${wanted} bytes of memory are free on the engine`;
    },
  },
  {
    name: 'cpu',
    reject: ({ node, engine, reserved }, spec) => {
      const wanted = reservationOf(spec.resources).cpuMillis ?? 0;
      const held = reserved.reduce((sum, { cpuMillis }) => sum + cpuMillis, engine.cpuReservedMillis);
      return wanted === 0 || held + wanted <= node.engine.cpuMillis
        ? null
        : `less than ${wanted / 1000} CPUs are free on the engine`;
    },
  },
  {
    name: 'bind not allowed',
    reject({ node }, spec) {
      const source = bindNotAllowed(node.hostAccess, spec);
      return source === undefined ? null : `the node does not let containers bind ${quotePath(source)}`;
    },
  },
  {
    name: 'device not allowed',
    reject({ node }, spec) {
      const device = deviceNotAllowed(node.hostAccess, spec);
      return device === undefined ? null : `the node does not let containers use ${quotePath(device)}`;
    },
  },
];

/** A reason has room for a sentence, and a path may be longer than one. */
const quotedPathMax = 120;
const quotePath = (path: string) => (path.length > quotedPathMax ? `${path.slice(0, quotedPathMax)}…` : path);

/** Of the first filter that the node does not pass; null when it passes all. */
export function rejectionOf(site: Site, spec: ContainerSpec): Rejection | null {
  for (const { name: filter, reject } of filters) {
    const reason = reject(site, spec);
    if (reason !== null) return { filter, reason };
  }
  return null;
}

export function engineWithout(engine: EngineView, { id, spec: { resources } }: ContainerView): EngineView {
  const { memoryBytes, cpuMillis } = reservationOf(resources);
  return {
    ...engine,
    memoryReservedBytes: engine.memoryReservedBytes - (memoryBytes ?? 0),
    cpuReservedMillis: engine.cpuReservedMillis - (cpuMillis ?? 0),
    hostPorts: new Map([...engine.hostPorts].filter(([, holder]) => holder !== id)),
  };
}
