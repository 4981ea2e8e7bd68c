/** Nodes that send no heartbeats in a simulation: those that were silent before it began, and those it silences. */

import type { ClusterView, NodeView } from '../../projections/view/cluster-view.ts';
import { parseIsoTime } from '../../projections/view/iso-time.ts';
import type { HeartbeatStatus } from '../../reconciler/planner/plan-nodes.ts';
import type { VirtualTime } from './virtual-time.ts';

export type Silences = {
  readonly status: HeartbeatStatus;
  has(node: string): boolean;
  begin(node: string, sinceMs: number): void;
  /** The grace of rescheduling begins for all: they may be about to return. */
  beginAgain(): void;
};

/** @param onDue the node's time-out has passed */
export function createSilences(
  time: Pick<VirtualTime, 'nowMs' | 'at'>,
  { nodeTimeoutMs, onDue }: { nodeTimeoutMs: number; onDue: (node: string) => void },
): Silences {
  /** When the silence that counts began, and when the node was really heard. A grace parts the two. */
  const silentSinceMs = new Map<string, number>();
  const heardAtMs = new Map<string, number>();

  const begin = (node: string, sinceMs: number) => {
    silentSinceMs.set(node, sinceMs);
    if (!heardAtMs.has(node)) heardAtMs.set(node, sinceMs);
    // The planner compares with "longer than", so it looks after the time-out, not on it.
    time.at(Math.max(time.nowMs(), sinceMs + nodeTimeoutMs + 1), () => onDue(node));
  };

  return {
    status: {
      timeoutMs: nodeTimeoutMs,
      silentMs: (node) => time.nowMs() - (silentSinceMs.get(node) ?? time.nowMs()),
      sinceHeartbeatMs: (node) => time.nowMs() - (heardAtMs.get(node) ?? time.nowMs()),
    },
    has: (node) => silentSinceMs.has(node),
    begin,
    beginAgain() {
      for (const node of silentSinceMs.keys()) begin(node, time.nowMs());
    },
  };
}

/**
 * Nodes the log still calls ready though their time-out has passed: about to be lost, or kept for the alarm of many.
 * @returns node → when its last heartbeat came, milliseconds since the epoch; empty where the heartbeats of that time
 *   were pruned, for then no node seems to have sent any
 */
export function findSilentNodes(view: ClusterView, nodeTimeoutMs: number): Map<string, number> {
  const viewMs = parseIsoTime(view.at);
  const isRecent = (node: NodeView) => viewMs - heardMsOf(node) <= nodeTimeoutMs;
  const ready = [...view.nodes.values()].filter(({ state }) => state === 'ready');
  const hasHeartbeats = ready.some((node) => isRecent(node) && node.lastHeardAt !== node.since);
  if (!hasHeartbeats) return new Map();
  return new Map(ready.filter((node) => !isRecent(node)).map((node) => [node.id, heardMsOf(node)]));
}

const heardMsOf = ({ lastHeardAt, since }: NodeView): number => parseIsoTime(lastHeardAt ?? since);
