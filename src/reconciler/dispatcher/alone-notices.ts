/**
 * While this manager cannot reach the log it notifies the nodes that it hears: what ends there is theirs to restart. Others may
 * reach it at the same time; the log decides about each restart, so that does no harm.
 */

import type { ManagerBus } from '../../bus/bus.ts';
import type { EventLog } from '../../events/log/event-log.ts';
import type { Logger } from '../../logger.ts';
import type { Projector } from '../../projections/live/projector.ts';
import type { HeartbeatStatus } from '../planner/plan-nodes.ts';

export type AloneNotices = { start(): void; close(): void };

type Deps = {
  log: Pick<EventLog, 'problem'>;
  projector: Pick<Projector, 'view' | 'problem'>;
  bus: Pick<ManagerBus, 'sendCommand' | 'status'>;
  heartbeats: HeartbeatStatus;
  logger: Logger;
};

const noticeEveryMs = 1_000;
/** Two notices may be lost or late. */
const leaseMs = 3_000;

export function createAloneNotices(
  { log, projector, bus, heartbeats, logger }: Deps,
  { clusterId, everyMs = noticeEveryMs }: { clusterId: string; everyMs?: number },
): AloneNotices {
  let timer: NodeJS.Timeout | undefined;

  /** Commands wait for a node that does not read them: one that is not heard gets none. */
  const isHeard = (node: string, session: number) => {
    const sinceMs = heartbeats.sinceHeartbeatMs(node, session);
    return sinceMs !== null && sinceMs <= heartbeats.timeoutMs;
  };

  const notify = () => {
    const isAway = (projector.problem() ?? log.problem()) !== null;
    if (!isAway || bus.status().state !== 'connected') return;
    for (const { id: node, session, state, publicKey } of projector.view.nodes.values()) {
      // An agent without a key is of an earlier version, and does not know the command.
      if (state !== 'ready' || publicKey === null || !isHeard(node, session)) continue;
      bus.sendCommand({ kind: 'alone', clusterId, node, leaseMs }, { deadlineMs: everyMs }).catch((error: unknown) => {
        logger.debug({ err: error, node }, 'that the log is away was not said to a node');
      });
    }
  };

  return {
    start() {
      timer = setInterval(notify, everyMs);
    },
    close: () => clearInterval(timer),
  };
}
