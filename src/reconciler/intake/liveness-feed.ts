/**
 * Keeps the failure detector in step with the log and with this process: who is watched follows from facts, and every
 * node gets a fresh grace period when none could have been heard. The one place that does either. On every manager:
 * intake takes reports in everywhere and asks which nodes are heard.
 */

import { interval, type Subscription } from 'rxjs';
import type { ManagerBus } from '../../bus/bus.ts';
import type { Clock } from '../../clock.ts';
import type { LogEvent } from '../../events/schema/event.ts';
import type { Logger } from '../../logger.ts';
import type { Projector } from '../../projections/live/projector.ts';
import type { Liveness } from './liveness.ts';

export type LivenessFeed = {
  /** Before anything that plans: what is planned from a fact has to find its node watched. */
  start(): void;
  /** This process leads from now on. It may have missed heartbeats before, so every node's silence is counted from now. */
  onElected(): void;
  close(): void;
};

const checkEveryMs = 250;
/** A check this late means that the process stood still and could not take heartbeats. */
const stallMs = 1_500;

type Deps = {
  projector: Pick<Projector, 'view' | 'onFolded' | 'problem'>;
  bus: Pick<ManagerBus, 'status'>;
  liveness: Liveness;
  clock: Pick<Clock, 'monotonicMs'>;
  logger: Logger;
};

export function createLivenessFeed({ projector, bus, liveness, clock, logger }: Deps): LivenessFeed {
  const subscriptions: Subscription[] = [];
  let checkedAtMs = clock.monotonicMs();
  let isAway = false;

  const watchReady = () => {
    for (const [id, node] of projector.view.nodes) if (node.state === 'ready') liveness.watch(id, node.session);
  };

  const follow = (event: LogEvent) => {
    switch (event.type) {
      case 'NodeRegistered':
      case 'NodeReturned':
        return liveness.watch(event.data.node, event.position);
      case 'NodeLost':
      case 'NodeRemoved':
        return liveness.unwatch(event.data.node);
      // A node that is still silent may be about to return like the others.
      case 'HoldReleased':
        return liveness.grace();
    }
  };

  const checkStall = () => {
    const nowMs = clock.monotonicMs();
    const stalledMs = Math.round(nowMs - checkedAtMs);
    checkedAtMs = nowMs;
    if (stalledMs <= checkEveryMs + stallMs) return;
    logger.warn({ stalledMs }, 'the process stood still: every node gets a fresh grace period');
    liveness.grace();
  };

  /** While the broker or the log is away no heartbeat arrives. */
  const checkOutage = () => {
    const wasAway = isAway;
    isAway = bus.status().state !== 'connected' || projector.problem() !== null;
    if (isAway || wasAway) liveness.grace();
    if (wasAway && !isAway) logger.warn({}, 'broker and log answer again: every node gets a fresh grace period');
  };

  return {
    start() {
      watchReady();
      const checks = interval(checkEveryMs).subscribe(() => {
        checkStall();
        checkOutage();
      });
      checks.add(projector.onFolded((events) => events.forEach(follow)));
      subscriptions.push(checks);
    },
    onElected: watchReady,
    close() {
      for (const subscription of subscriptions) subscription.unsubscribe();
    },
  };
}
