/**
 * Takes in what agents report, on every manager: it appends without a term, expecting the container's stream, and
 * acknowledges after the commit. While nothing can be appended the reports are left to another manager.
 */

import type { Disposition, ManagerBus } from '../../bus/bus.ts';
import type { Report } from '../../bus/messages.ts';
import type { Clock } from '../../clock.ts';
import { AppError } from '../../errors.ts';
import type { EventLog } from '../../events/log/event-log.ts';
import type { Logger } from '../../logger.ts';
import type { Projector } from '../../projections/live/projector.ts';
import { createAppendDecision } from '../append/append-decision.ts';
import { createCatchUp } from '../append/catch-up.ts';
import type { HeartbeatStatus } from '../planner/plan-nodes.ts';
import { createPausableConsumer } from './pausable-consumer.ts';
import { createPullProgress } from './pull-progress.ts';
import { createReportHandling, type DecidableReport } from './report-handling.ts';

export type ReportConsumer = { start(): void; close(): Promise<void> };

/** Shorter than the tries of one message with their pauses (8.75 s), after which it would be dead-lettered. */
const giveUpMs = 5_000;

type Deps = {
  log: EventLog;
  projector: Projector;
  bus: ManagerBus;
  heartbeats: HeartbeatStatus;
  clock: Clock;
  logger: Logger;
};

export function createReportConsumer(deps: Deps, { clusterId }: { clusterId: string }): ReportConsumer {
  const { log, projector, bus, clock, logger } = deps;
  const { view } = projector;
  const appendDecision = createAppendDecision({ log, projector, clock });
  const catchUp = createCatchUp({ log, projector });
  const handleReport = createReportHandling({ ...deps, view }, { clusterId });
  const pulls = createPullProgress({ log, logger });
  let failingSinceMs: number | null = null;

  const consume = async (report: Report): Promise<Disposition> => {
    if (report.kind === 'pull-progress') {
      pulls.add(report);
      return 'ack';
    }
    // What the view does not know, the log may: nothing is decided about it before the view has caught up.
    if (isUnknown(report) && !(await canCatchUp())) return retryLater();
    try {
      const result = await appendDecision(() => handleReport(report));
      if (result.kind === 'conflict') return retryLater();
      if (result.appended) failingSinceMs = null;
      result.decision.afterwards?.();
      return result.decision.isEarly ? 'retry' : 'ack';
    } catch (error) {
      if (error instanceof AppError && error.retryable) return retryLater();
      return { deadLetter: error instanceof Error ? error.message : String(error) };
    }
  };

  const isUnknown = (report: DecidableReport) =>
    'container' in report ? !view.containers.has(report.container) : !view.nodes.has(report.node);

  const canCatchUp = async (): Promise<boolean> => {
    try {
      await catchUp();
      return true;
    } catch (error) {
      logger.debug({ err: error }, 'the view cannot catch up with the log');
      return false;
    }
  };

  const retryLater = (): Disposition => {
    const nowMs = clock.monotonicMs();
    failingSinceMs ??= nowMs;
    if (nowMs - failingSinceMs > giveUpMs) {
      logger.warn({}, 'no append succeeded for 5 s: reports are left to another manager until the log answers');
      consumer.pause();
    }
    return 'retry';
  };

  const consumer = createPausableConsumer(
    () => {
      failingSinceMs = null;
      return bus.consumeReports(consume);
    },
    async () => projector.problem() === null && (await canCatchUp()),
  );

  return {
    start() {
      consumer.start();
      pulls.start();
    },
    async close() {
      await consumer.close();
      pulls.close();
    },
  };
}
