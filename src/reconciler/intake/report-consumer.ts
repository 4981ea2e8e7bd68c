/**
 * Owns turning what agents report into facts. Not the leader's work: it appends without a term, expecting the
 * container's stream, and acknowledges after the commit. A report that would not raise the container's rank is dropped.
 */

import type { Consumer, ManagerBus, Verdict } from '../../bus/bus.ts';
import type { Report, ReportOf } from '../../bus/messages.ts';
import type { Clock } from '../../clock.ts';
import { AppError, hasCode } from '../../errors.ts';
import type { EventLog } from '../../events/log/event-log.ts';
import { type NewEvent, streams } from '../../events/schema/event.ts';
import type { Logger } from '../../logger.ts';
import type { Projector } from '../../projections/live/projector.ts';
import { parseIsoTime } from '../../projections/view/iso-time.ts';
import { recordRefusal } from '../commands/decide-registration.ts';
import { decideReport, type ReportDecision } from '../commands/decide-report.ts';
import type { HeartbeatStatus } from '../planner/plan-nodes.ts';
import { createClaims } from './registration-conflicts.ts';

type Next = { decision: ReportDecision; afterwards: () => void };

export type Intake = { start(): void; close(): Promise<void> };

/** Without a successful append for this long the reports are left to another manager. */
const giveUpMs = 5_000;
const reopenEveryMs = 1_000;
/** A conflict means the view was behind; it has caught up by the next try. */
const triesMax = 8;
const pullsFlushMs = 1_000;
/** More pulls than this at once are not shown one by one. */
const pullsMax = 500;

type Deps = {
  log: EventLog;
  projector: Projector;
  bus: ManagerBus;
  heartbeats: HeartbeatStatus;
  clock: Clock;
  logger: Logger;
};

export function createIntake(deps: Deps, { clusterId }: { clusterId: string }): Intake {
  const { log, projector, bus, heartbeats, clock, logger } = deps;
  const { view } = projector;
  const claims = createClaims({ view, bus, heartbeats, clock, logger }, { clusterId });
  const pulls = new Map<string, ReportOf<'pull-progress'>>();
  let consumer: Consumer | undefined;
  let isClosed = false;
  let failingSince: number | null = null;
  let flushTimer: NodeJS.Timeout | undefined;
  let reopenTimer: NodeJS.Timeout | undefined;

  const handle = async (report: Report): Promise<Verdict> => {
    if (report.kind === 'pull-progress') {
      if (pulls.size < pullsMax) pulls.set(report.container, report);
      return 'ack';
    }
    if (isUnknown(report) && !(await catchUp())) return 'retry';
    for (let tries = 0; tries < triesMax; tries += 1) {
      const { decision, afterwards } = decideNext(report);
      try {
        if (typeof decision !== 'string') {
          await log.append([decision.event], decision);
          failingSince = null;
        }
        afterwards();
        return 'ack';
      } catch (error) {
        const verdict = await judge(error);
        if (verdict) return verdict;
      }
    }
    return 'retry';
  };

  /** @returns what to write first, and what follows from it */
  const decideNext = (report: Exclude<Report, { kind: 'pull-progress' }>): Next => {
    const claim = report.kind === 'register' ? claims.judge(report) : 'register';
    if (report.kind !== 'register' || claim === 'register') {
      const decision = decideReport(view, report, clusterId);
      return { decision, afterwards: decision === 'disown' ? () => disown(report) : () => {} };
    }
    if (claim === 'challenge') return { decision: 'stale', afterwards: () => {} };
    const nowMs = Math.max(clock.nowMs(), parseIsoTime(view.at));
    const decision = recordRefusal(view.nodes.get(report.node)!, report, nowMs) ?? 'stale';
    return { decision, afterwards: () => claims.tellRefused(report) };
  };

  /** What the view does not know, the log may: nothing is disowned before the view has caught up. */
  const isUnknown = (report: Report) =>
    report.kind === 'register' ? !view.nodes.has(report.node) : !view.containers.has(report.container);

  const catchUp = async (): Promise<boolean> => {
    try {
      const { position } = await log.head();
      await projector.waitFor(position);
      return true;
    } catch (error) {
      logger.debug({ err: error }, 'the view cannot catch up with the log');
      return false;
    }
  };

  /** null = look again. */
  const judge = async (error: unknown): Promise<Verdict | null> => {
    if (hasCode(error, 'expectation_failed')) return (await catchUp()) ? null : 'retry';
    if (error instanceof AppError && error.retryable) {
      failingSince ??= performance.now();
      if (performance.now() - failingSince > giveUpMs) giveUp();
      return 'retry';
    }
    return { deadLetter: error instanceof Error ? error.message : String(error) };
  };

  const giveUp = () => {
    if (!consumer || isClosed) return;
    logger.warn({}, 'no append succeeded for 5 s: reports are left to another manager until the log answers');
    const closing = consumer;
    consumer = undefined;
    void closing.close();
    reopenTimer = setInterval(async () => {
      const isBack = projector.trouble() === null && (await catchUp());
      if (!isBack || isClosed || consumer) return;
      clearInterval(reopenTimer);
      failingSince = null;
      open();
    }, reopenEveryMs);
  };

  /** The log has nothing to do with it any more: it must not run. */
  const disown = (report: Report) => {
    if (report.kind === 'register') return;
    const { node, container } = report;
    const nodeView = view.nodes.get(node);
    if (!nodeView) return;
    const head = { clusterId, node, session: nodeView.session, position: view.position, causationId: '' };
    bus.sendCommand({ kind: 'remove', ...head, container }).catch((error: unknown) => {
      logger.warn({ err: error, node, container }, 'removal not delivered; the next sync removes it');
    });
  };

  const flushPulls = () => {
    if (pulls.size === 0) return;
    const event: NewEvent = {
      stream: streams.pulls,
      type: 'PullProgressReported',
      data: {
        pulls: [...pulls.values()].map(({ container, node, image, at, currentBytes, totalBytes }) => ({
          container,
          node,
          image,
          at,
          currentBytes,
          totalBytes,
        })),
      },
      meta: { actor: 'intake', causationId: null },
    };
    pulls.clear();
    log.append([event]).catch((error: unknown) => logger.debug({ err: error }, 'pull progress not recorded'));
  };

  const open = () => {
    consumer = bus.consumeReports(handle);
  };

  return {
    start() {
      open();
      flushTimer = setInterval(flushPulls, pullsFlushMs);
    },
    async close() {
      isClosed = true;
      clearInterval(flushTimer);
      clearInterval(reopenTimer);
      await consumer?.close();
      flushPulls();
    },
  };
}
