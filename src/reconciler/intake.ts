/**
 * Owns turning what agents report into facts. Not the leader's work: it appends without a term, expecting the
 * container's stream, and acknowledges after the commit. A report that would not raise the container's rank is dropped.
 */

import { v5 as uuidv5 } from 'uuid';
import type { Consumer, ManagerBus, Verdict } from '../bus/bus.ts';
import type { ContainerReport, RegisterReport, Report, ReportOf } from '../bus/messages.ts';
import { AppError, hasCode } from '../errors.ts';
import { type NewEvent, streams } from '../events/event.ts';
import type { EventLog, Expectation } from '../events/event-log.ts';
import type { Logger } from '../logger.ts';
import { isTerminal } from '../model/container.ts';
import { isProgress } from '../model/container-machine.ts';
import type { ContainerView } from '../projections/cluster-view.ts';
import type { Projector } from '../projections/projector.ts';

export type Intake = { start(): void; close(): Promise<void> };

/** Without a successful append for this long the reports are left to another manager. */
const giveUpMs = 5_000;
const reopenEveryMs = 1_000;
/** A conflict means the view was behind; it has caught up by the next try. */
const triesMax = 8;
const pullsFlushMs = 1_000;
/** More pulls than this at once are not shown one by one. */
const pullsMax = 500;

type Deps = { log: EventLog; projector: Projector; bus: ManagerBus; logger: Logger };

export function createIntake({ log, projector, bus, logger }: Deps, { clusterId }: { clusterId: string }): Intake {
  const { view } = projector;
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
    if (
      isUnknown(report) &&
      !(await catchUp().then(
        () => true,
        () => false,
      ))
    )
      return 'retry';
    for (let tries = 0; tries < triesMax; tries += 1) {
      const decision = decideReport(report);
      if (!decision) return 'ack';
      try {
        await log.append([decision.event], decision);
        failingSince = null;
        return 'ack';
      } catch (error) {
        const verdict = await judge(error);
        if (verdict) return verdict;
      }
    }
    return 'retry';
  };

  /** What the view does not know, the log may: nothing is disowned before the view has caught up. */
  const isUnknown = (report: Report) =>
    report.kind === 'register' ? !view.nodes.has(report.node) : !view.containers.has(report.container);

  const catchUp = async () => {
    const { position } = await log.head();
    await projector.waitFor(position);
  };

  /** null = look again. */
  const judge = async (error: unknown): Promise<Verdict | null> => {
    if (hasCode(error, 'expectation_failed')) {
      return catchUp().then(
        () => null,
        () => 'retry' as const,
      );
    }
    if (error instanceof AppError && error.retryable) {
      failingSince ??= performance.now();
      if (performance.now() - failingSince > giveUpMs) giveUp();
      return 'retry';
    }
    return { park: error instanceof Error ? error.message : String(error) };
  };

  const giveUp = () => {
    if (!consumer || isClosed) return;
    logger.warn({}, 'no append succeeded for 5 s: reports are left to another manager until the log answers');
    const closing = consumer;
    consumer = undefined;
    void closing.close();
    reopenTimer = setInterval(async () => {
      const isBack = await log.head().then(
        () => projector.trouble() === null,
        () => false,
      );
      if (!isBack || isClosed || consumer) return;
      clearInterval(reopenTimer);
      failingSince = null;
      open();
    }, reopenEveryMs);
  };

  type Decision = { event: NewEvent; expect: Expectation[]; appendId?: string };

  const decideReport = (report: Exclude<Report, { kind: 'pull-progress' }>): Decision | null => {
    if (report.kind === 'register') return decideRegistration(report);
    if (report.kind === 'stale-removed') return decideStale(report);
    const container = view.containers.get(report.container);
    if (!container || (isTerminal(container.state) && !isEnd(report))) {
      disown(report);
      return null;
    }
    if (container.node !== report.node) return null;
    const event = eventOf(report, container);
    if (!isProgress(container.state, event.type)) return null;
    return { event, expect: [{ stream: streams.container(container.id), version: container.version }] };
  };

  /** A node the log does not know, or knows no more, registers; any other returns. */
  const decideRegistration = (report: RegisterReport): Decision => {
    const { node, registrationId, engine, hostname, agentVersion, labels, inventory } = report;
    const known = view.nodes.get(node);
    return {
      event: {
        stream: streams.node(node),
        type: known ? 'NodeReturned' : 'NodeRegistered',
        data: { node, registrationId, engine, hostname, agentVersion, labels, inventory },
        meta: metaOf(report, null),
      },
      expect: known ? [{ stream: streams.node(node), version: known.version }] : [],
    };
  };

  const decideStale = (report: ReportOf<'stale-removed'>): Decision => ({
    event: {
      stream: streams.node(report.node),
      type: 'StaleContainerRemoved',
      data: { node: report.node, container: report.container, reason: report.reason },
      meta: metaOf(report, report.causationId),
    },
    expect: [],
    appendId: uuidv5(report.reportId, clusterId),
  });

  /** The log has nothing to do with it any more: it must not run. */
  const disown = ({ node, container }: ContainerReport) => {
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

type EndReport = ReportOf<'failed' | 'stopped' | 'completed'>;
type StateReport = EndReport | ReportOf<'starting' | 'running'>;

const isEnd = (report: StateReport): report is EndReport =>
  report.kind === 'failed' || report.kind === 'stopped' || report.kind === 'completed';

function eventOf(report: StateReport, container: ContainerView): NewEvent {
  const { id, service, slot, node } = container;
  const ref = { container: id, service, slot, node };
  const head = {
    stream: streams.container(id),
    // A container that ends by itself follows from its own latest fact.
    meta: {
      ...metaOf(report, report.causationId ?? container.latest.eventId),
      correlationId: container.latest.correlationId,
    },
  };
  switch (report.kind) {
    case 'starting':
      return { ...head, type: 'ContainerStarting', data: { ...ref, session: report.session } };
    case 'running': {
      const { session, engineContainerId, startedAt, ports } = report;
      return { ...head, type: 'ContainerRunning', data: { ...ref, session, engineContainerId, startedAt, ports } };
    }
    case 'failed': {
      const { reason, message, exitCode, logTail } = report;
      return { ...head, type: 'ContainerFailed', data: { ...ref, reason, message, exitCode, logTail } };
    }
    case 'completed':
      return { ...head, type: 'ContainerCompleted', data: { ...ref, logTail: report.logTail } };
    case 'stopped':
      return container.state === 'stopping'
        ? { ...head, type: 'ContainerStopped', data: { ...ref, exitCode: report.exitCode } }
        : { ...head, type: 'ContainerFailed', data: { ...ref, ...stoppedByOthers, exitCode: report.exitCode } };
  }
}

/** Nobody asked the log for it: somebody used the engine behind our back. */
const stoppedByOthers = {
  reason: 'killed' as const,
  message: 'it was stopped on its engine, though nothing in the log asked for it',
  logTail: [],
};

function metaOf(report: Report, causationId: string | null): NewEvent['meta'] {
  return { actor: `node:${report.node}`, requestId: report.reportId, causationId };
}
