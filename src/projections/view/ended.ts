/** When an ended container leaves the view. */

import type { ClusterView, ContainerView } from './cluster-view.ts';
import { parseIsoTime } from './iso-time.ts';

/** How long an ended container stays in the view, in log time. A constant of the projection, never configuration. */
const endedKeptMs = 3_600_000;

export function keepEnded(view: ClusterView, { id, since }: ContainerView): void {
  view.ended.add(id);
  view.nextExpiryMs ??= expiryMsOf(since);
}

const expiryMsOf = (endedAt: string): number => parseIsoTime(endedAt) + endedKeptMs;

/** Takes the ended out of the view whose hour has passed at `view.at`. Costs a comparison while there are none. */
export function expireEnded(view: ClusterView): void {
  if (view.nextExpiryMs === null) return;
  const nowMs = parseIsoTime(view.at);
  if (view.nextExpiryMs > nowMs) return;
  view.nextExpiryMs = null;
  for (const id of view.ended) {
    const expiryMs = expiryMsOf(view.containers.get(id)!.since);
    if (expiryMs > nowMs) {
      view.nextExpiryMs = expiryMs;
      return;
    }
    view.ended.delete(id);
    view.containers.delete(id);
  }
}
