/**
 * Gets reports to the managers: in order for each container, each kept until the bus has it. Knows nothing of what they
 * mean.
 */

import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { AgentBus } from '../../bus/bus.ts';
import type { ContainerReport } from '../../bus/messages.ts';
import type { Clock } from '../../clock.ts';
import { AppError, hasCode } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import { createReportQueues, type Entry } from './report-queues.ts';

type Head = 'clusterId' | 'node' | 'reportId' | 'at' | 'session' | 'container';
type WithoutHead<R> = R extends ContainerReport ? Omit<R, Head> : never;
/** A report without its envelope, which the reporter adds. */
export type ReportBody = WithoutHead<ContainerReport>;

export type Reporter = {
  /**
   * Keeps and sends it after those of the same container. One of the same kind that still waits makes it needless.
   * @param onConfirmed called once, when the bus has it
   */
  report(container: string, body: ReportBody, onConfirmed?: () => void): void;
  /** As `report`, in place of one of the kind that waits: it says all of that one, and more. */
  replace(container: string, body: ReportBody): void;
  /** Sends it once, without keeping it, unless something of the container waits or the bus has enough to do. */
  sendUnreliably(container: string, body: ReportBody): void;
  /** Forgets what waits for the container. */
  drop(container: string): void;
  /** Resolves when nothing waits any more. */
  drained(): Promise<void>;
  close(): void;
};

export type ReporterOptions = {
  clusterId: string;
  node: string;
  /** The session that reports carry. */
  session: () => number | null;
};

export type ReporterDeps = { bus: AgentBus; clock: Clock; logger: Logger };

/** Being sent at once: a broker confirms some tens of thousands a second in a window of this size. */
const sendingMax = 200;
const pauseMinMs = 250;
const pauseMaxMs = 5_000;

export function createReporter(deps: ReporterDeps, { clusterId, node, session }: ReporterOptions): Reporter {
  const { clock, logger } = deps;
  const closing = new AbortController();
  const queues = createReportQueues();
  let sending = 0;
  let isFlushDue = false;

  const envelope = (container: string, body: ReportBody): ContainerReport | null => {
    const current = session();
    if (current === null) return null;
    const at = new Date(clock.nowMs()).toISOString();
    return { clusterId, node, reportId: randomUUID(), at, session: current, container, ...body } as ContainerReport;
  };

  const flush = () => {
    while (!delivery.isPausing() && sending < sendingMax && !closing.signal.aborted) {
      const entry = queues.takeNext();
      if (!entry) return;
      void send(entry);
    }
  };

  /** In a later tick of the event loop: thousands of reports in one would keep everything else waiting. */
  const flushSoon = () => {
    if (isFlushDue) return;
    isFlushDue = true;
    setImmediate(() => {
      isFlushDue = false;
      flush();
    });
  };

  const delivery = createDelivery(deps, { closing: closing.signal, onResume: flush });

  const send = async (entry: Entry) => {
    sending += 1;
    const isOver = await delivery.send(entry.report);
    sending -= 1;
    flushSoon();
    if (queues.giveBack(entry, isOver) && isOver) entry.onConfirmed?.();
  };

  const add = (container: string, body: ReportBody, onConfirmed?: () => void) => {
    const report = envelope(container, body);
    if (!report) return;
    queues.add({ report, onConfirmed });
    flush();
  };

  return {
    report(container, body, onConfirmed) {
      if (!closing.signal.aborted && !queues.hasLike(container, body.kind)) add(container, body, onConfirmed);
    },
    replace(container, body) {
      if (closing.signal.aborted) return;
      queues.dropLike(container, body.kind);
      add(container, body);
    },
    sendUnreliably(container, body) {
      const report = envelope(container, body);
      if (!report || queues.has(container) || closing.signal.aborted || sending >= sendingMax) return;
      sending += 1;
      deps.bus
        .sendReport(report)
        .catch((error: unknown) => logger.debug({ err: error, container }, 'a report that may be lost was lost'))
        .finally(() => {
          sending -= 1;
          flushSoon();
        });
    },
    drop: queues.drop,
    drained: queues.drained,
    close() {
      closing.abort();
      queues.dropAll();
    },
  };
}

type Delivery = {
  /** @returns false: the report has to be sent again */
  send(report: ContainerReport): Promise<boolean>;
  /** After a failure nothing is sent for a while. */
  isPausing(): boolean;
};

/** Sends reports, and pauses all of them when one fails: the bus is shared, what fails for one fails for the others. */
function createDelivery(
  { bus, logger }: ReporterDeps,
  { closing, onResume }: { closing: AbortSignal; onResume: () => void },
): Delivery {
  let pauseMs = pauseMinMs;
  let isPausing = false;

  const standBack = async () => {
    isPausing = true;
    await pause(pauseMs, undefined, { signal: closing }).catch(() => {});
    pauseMs = Math.min(pauseMs * 2, pauseMaxMs);
    isPausing = false;
    onResume();
  };

  return {
    isPausing: () => isPausing,
    async send(report) {
      try {
        await bus.sendReport(report);
        pauseMs = pauseMinMs;
        return true;
      } catch (error) {
        const isRetryable = error instanceof AppError && error.retryable;
        // The failure was logged with the first report that met it.
        if (isPausing) return !isRetryable;
        if (!hasCode(error, 'bus_closed')) {
          logger.warn({ err: error, container: report.container, kind: report.kind }, 'report not delivered');
          // Sent again it would fail again; the next sync finds the difference between log and engine.
          if (!isRetryable) return true;
        }
        void standBack();
        return false;
      }
    },
  };
}
