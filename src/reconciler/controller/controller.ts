/**
 * Connects the parts of the reconciler: leadership decides whether the loop plans and the dispatcher sends;
 * intake and heartbeats listen on every manager.
 */

import type { ManagerBus } from '../../bus/bus.ts';
import type { Clock } from '../../clock.ts';
import type { EventLog } from '../../events/log/event-log.ts';
import type { Logger } from '../../logger.ts';
import type { RebalancePolicy } from '../../model/placement.ts';
import type { Projector } from '../../projections/live/projector.ts';
import type { Vault } from '../../secrets/vault.ts';
import { createAloneNotices } from '../dispatcher/alone-notices.ts';
import { createDispatcher } from '../dispatcher/dispatcher.ts';
import { createHeartbeats } from '../intake/heartbeat-consumer.ts';
import { createLiveness } from '../intake/liveness.ts';
import { createLivenessFeed } from '../intake/liveness-feed.ts';
import { createReportConsumer } from '../intake/report-consumer.ts';
import { createLeadership } from './leader-election.ts';
import { createLoop } from './reconcile-loop.ts';

export type Reconciler = {
  start(): void;
  /** The term this process leads, or null. */
  term(): number | null;
  /** Resigns; what was appended is finished, what was not is left to the next leader. */
  close(): Promise<void>;
};

type Deps = {
  log: EventLog;
  projector: Projector;
  bus: ManagerBus;
  /** null: logins at registries stay here. */
  vault: Pick<Vault, 'get'> | null;
  clock: Clock;
  logger: Logger;
};

export type ReconcilerOptions = {
  clusterId: string;
  controllerId: string;
  /** No other process can write the log, so none can lead. */
  isSoleWriter: boolean;
  nodeTimeoutMs: number;
  queueTimeoutMs: number;
  /** Rescheduling is paused for so long at most; null: until enough nodes are heard. */
  holdMs: number | null;
  /** Of services that say nothing; null: none is moved. */
  rebalance: RebalancePolicy | null;
};

export function createReconciler(deps: Deps, options: ReconcilerOptions): Reconciler {
  const { clusterId, controllerId, isSoleWriter, nodeTimeoutMs, queueTimeoutMs, holdMs, rebalance } = options;
  const liveness = createLiveness(deps.clock, { timeoutMs: nodeTimeoutMs });
  const feed = createLivenessFeed({ ...deps, liveness });
  const onSuperseded = () => leadership.depose();

  const dispatcher = createDispatcher(deps, { clusterId, nodeTimeoutMs });
  const notices = createAloneNotices({ ...deps, heartbeats: liveness }, { clusterId });
  const loop = createLoop({ ...deps, liveness }, { queueTimeoutMs, holdMs, rebalance, onSuperseded });
  const reports = createReportConsumer({ ...deps, heartbeats: liveness }, { clusterId });
  const heartbeats = createHeartbeats(
    { ...deps, liveness },
    { clusterId, term: () => leadership.term(), onSuperseded },
  );
  const leadership = createLeadership(deps, {
    controllerId,
    isSoleWriter,
    hasBroker: () => deps.bus.isReachable(),
    onElected(term) {
      feed.onElected();
      dispatcher.lead(term);
      loop.lead(term);
    },
    onDeposed() {
      dispatcher.stopLeading();
      loop.stepDown();
    },
  });

  return {
    start() {
      feed.start();
      loop.start();
      reports.start();
      heartbeats.start();
      leadership.start();
      notices.start();
    },
    term: () => leadership.term(),
    async close() {
      feed.close();
      notices.close();
      await loop.close();
      dispatcher.close();
      await Promise.all([heartbeats.close(), reports.close()]);
      await leadership.resign();
    },
  };
}
