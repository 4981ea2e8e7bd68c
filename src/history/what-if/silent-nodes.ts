/** Owns which nodes were silent already at the moment that a view shows. Pure. */

import type { ClusterView, NodeView } from '../../projections/view/cluster-view.ts';
import { parseIsoTime } from '../../projections/view/iso-time.ts';

/**
 * Nodes the log still calls ready though their time-out has passed: about to be lost, or held.
 * @returns node → when it was last heard, milliseconds since the epoch; empty where the beats of that time were pruned,
 *   for then nobody seems to have been heard
 */
export function findSilentNodes(view: ClusterView, nodeTimeoutMs: number): Map<string, number> {
  const viewMs = parseIsoTime(view.at);
  const isRecent = (node: NodeView) => viewMs - heardMsOf(node) <= nodeTimeoutMs;
  const ready = [...view.nodes.values()].filter(({ state }) => state === 'ready');
  const hasBeats = ready.some((node) => isRecent(node) && node.lastHeardAt !== node.since);
  if (!hasBeats) return new Map();
  return new Map(ready.filter((node) => !isRecent(node)).map((node) => [node.id, heardMsOf(node)]));
}

const heardMsOf = ({ lastHeardAt, since }: NodeView): number => parseIsoTime(lastHeardAt ?? since);
