/** Sends the heartbeats by which managers know that a node is in contact; none without a session. */

import { asyncScheduler, filter, interval, map, type SchedulerLike, type Subscription } from 'rxjs';
import type { AgentBus } from '../../bus/bus.ts';
import type { Clock } from '../../clock.ts';

export type HeartbeatOptions = {
  clusterId: string;
  node: string;
  instanceId: string;
  everyMs: number;
  session: () => number | null;
  /** How many containers of the node run on its engine. */
  running: () => number;
  /** The broker has one that was sent at this time of the monotonic clock. */
  onTaken?: (sentAtMs: number) => void;
  scheduler?: SchedulerLike;
};

export function startHeartbeat(
  { bus, clock }: { bus: Pick<AgentBus, 'sendHeartbeat'>; clock: Clock },
  { clusterId, node, instanceId, everyMs, session, running, onTaken, scheduler = asyncScheduler }: HeartbeatOptions,
): Subscription {
  let last = { session: 0, sequence: 0 };
  const heartbeats$ = interval(everyMs, scheduler).pipe(
    map(session),
    filter((current) => current !== null),
  );
  return heartbeats$.subscribe((current) => {
    last = { session: current, sequence: current === last.session ? last.sequence + 1 : 1 };
    const sentAtMs = clock.monotonicMs();
    const sentAt = new Date(clock.nowMs()).toISOString();
    bus.sendHeartbeat({ clusterId, node, instanceId, ...last, sentAt, containers: running() }, () =>
      onTaken?.(sentAtMs),
    );
  });
}
