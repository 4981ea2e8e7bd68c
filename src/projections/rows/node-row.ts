/** The row of a node as operators see it. Pure. */

import type { HostAccess } from '../../model/host-access.ts';
import type { AgentInstance, Availability, EngineKind, NodeState } from '../../model/node.ts';
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
  /** It fails to start what others start, and is used last; null: it does not. */
  suspect: NodeView['suspect'];
  /** When its state or availability last changed. */
  since: string;
  /** The last fact that changed the row. */
  position: number;
};

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
    suspect: node.suspect,
    since: node.since,
    position: node.position,
  };
}

/** With what telemetry alone feeds: shown, never stored or compared. */
export function shownNodeRow(node: NodeView): NodeRow & { lastHeardAt: string | null } {
  return { ...nodeRow(node), lastHeardAt: node.lastHeardAt };
}
