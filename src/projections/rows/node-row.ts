/** The row of a node as operators see it. Pure. */

import type { EventType } from '../../events/schema/catalog.ts';
import type { HostAccess } from '../../model/host-access.ts';
import type { AgentInstance, Availability, EngineKind, NodeState } from '../../model/node.ts';
import type { NodeReach } from '../../model/status-charts.ts';
import type { NodeView } from '../view/cluster-view.ts';

export type NodeRow = {
  node: string;
  state: NodeState;
  availability: Availability;
  engine: EngineKind;
  engineId: string;
  engineVersion: string;
  memoryBytes: number;
  cpuMillis: number;
  hostname: string;
  agentVersion: string;
  labels: NodeView['labels'];
  session: number;
  /** What of the machine containers may use. */
  hostAccess: HostAccess;
  /** The start of the agent that has the session; null when it does not say. */
  instance: AgentInstance | null;
  /** How many that are not terminal. */
  containers: number;
  /** Why it is not used, or may not be for long: as a sentence; null: it is used. */
  reason: string | null;
  /** It fails to start what others start, and is used last; null: it does not. */
  suspect: NodeView['suspect'];
  /** When its state or availability last changed. */
  since: string;
  /** The last fact that changed the row. */
  position: number;
};

/** Of nodes: those that may change what rows say about them, and about the services on them. */
export const reachFacts: ReadonlySet<EventType> = new Set([
  ...([
    'NodeRegistered',
    'NodeReturned',
    'NodeLost',
    'EngineLost',
    'EngineReturned',
    'NodeSilent',
    'NodeHeard',
  ] as const),
  ...(['NodeCordoned', 'NodeDrainRequested', 'NodeActivated', 'NodeLabelsSet', 'NodeRemoved'] as const),
]);

export function nodeRow(node: NodeView): NodeRow {
  return {
    node: node.id,
    state: node.state,
    availability: node.availability,
    engine: node.engine.kind,
    engineId: node.engine.engineId,
    engineVersion: node.engine.version,
    memoryBytes: node.engine.memoryBytes,
    cpuMillis: node.engine.cpuMillis,
    hostname: node.hostname,
    agentVersion: node.agentVersion,
    labels: node.labels,
    session: node.session,
    hostAccess: node.hostAccess,
    instance: node.instance,
    containers: node.containers.size,
    reason: describeReach(node),
    suspect: node.suspect,
    since: node.since,
    position: node.position,
  };
}

/** The worst of what holds. Pure. */
export function nodeReach({ state, silentSince, engineLost }: NodeView): NodeReach {
  if (state === 'lost') return 'lost';
  if (silentSince !== null) return 'silent';
  return engineLost ? 'engine lost' : 'ready';
}

/** Since when nothing is known of its containers; null: it is heard, and so is its engine. Pure. */
export const unreachableSince = ({ silentSince, engineLost }: NodeView): string | null =>
  silentSince ?? engineLost?.since ?? null;

function describeReach({ state, lossReason, silentSince, engineLost }: NodeView): string | null {
  if (state === 'lost') return lossReason ? 'lost: its engine did not answer' : 'lost: it was not heard';
  if (silentSince !== null) return `silent since ${silentSince}; rescheduling is paused, so it does not count as lost`;
  if (!engineLost) return null;
  const deadline = new Date(engineLost.deadlineMs).toISOString();
  return `its engine has not answered since ${engineLost.since}: ${engineLost.message}; its containers are replaced from ${deadline} on`;
}

/** With what telemetry alone feeds: shown, never stored or compared. */
export function shownNodeRow(node: NodeView): NodeRow & { lastHeardAt: string | null } {
  return { ...nodeRow(node), lastHeardAt: node.lastHeardAt };
}
