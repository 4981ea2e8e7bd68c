/**
 * Owns getting reports to the managers: in order for each container, each kept until the bus has it. Keeps at most one
 * of a kind for a container, so what waits is bounded by the containers of the node. Knows nothing of what they mean.
 */

import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { AgentBus } from '../../bus/bus.ts';
import type { ContainerReport } from '../../bus/messages.ts';
import type { Clock } from '../../clock.ts';
import { AppError, hasCode } from '../../errors.ts';
import type { Logger } from '../../logger.ts';

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

type Entry = { report: ContainerReport; onConfirmed: (() => void) | undefined };

/** On their way at once: a broker confirms some tens of thousands a second in a window of this size. */
const sendingMax = 200;
const pauseMinMs = 250;
const pauseMaxMs = 5_000;

export function createReporter(
  { bus, clock, logger }: { bus: AgentBus; clock: Clock; logger: Logger },
  { clusterId, node, session }: ReporterOptions,
): Reporter {
  const closing = new AbortController();
  /** By container, in order; the first of a queue is being sent or next. */
  const queues = new Map<string, Entry[]>();
  /** Containers whose first report is not on its way, in the order they came. */
  const ready = new Set<string>();
  let sending = 0;
  let pauseMs = pauseMinMs;
  let isPausing = false;
  let isFlushDue = false;
  let empty: PromiseWithResolvers<void> | undefined;

  const envelope = (container: string, body: ReportBody): ContainerReport | null => {
    const current = session();
    if (current === null) return null;
    const at = new Date(clock.nowMs()).toISOString();
    return { clusterId, node, reportId: randomUUID(), at, session: current, container, ...body } as ContainerReport;
  };

  const forget = (container: string) => {
    queues.delete(container);
    ready.delete(container);
    if (queues.size > 0) return;
    empty?.resolve();
    empty = undefined;
  };

  const flush = () => {
    for (const container of ready) {
      if (isPausing || sending >= sendingMax || closing.signal.aborted) return;
      ready.delete(container);
      void sendFirst(container);
    }
  };

  /** In a later turn of the event loop: thousands of reports in one would keep everybody else waiting. */
  const flushSoon = () => {
    if (isFlushDue) return;
    isFlushDue = true;
    setImmediate(() => {
      isFlushDue = false;
      flush();
    });
  };

  const sendFirst = async (container: string) => {
    const queue = queues.get(container);
    const [entry] = queue ?? [];
    if (!queue || !entry) return;
    sending += 1;
    const isOver = await isDelivered(entry.report);
    sending -= 1;
    flushSoon();
    // Forgotten meanwhile: nobody waits for it.
    if (queues.get(container) !== queue) return;
    if (isOver) queue.shift();
    if (queue.length > 0) ready.add(container);
    else forget(container);
    if (isOver) entry.onConfirmed?.();
  };

  /** false: it has to be sent again. */
  const isDelivered = async (report: ContainerReport): Promise<boolean> => {
    try {
      await bus.sendReport(report);
      pauseMs = pauseMinMs;
      return true;
    } catch (error) {
      const isRetryable = error instanceof AppError && error.retryable;
      // The bus is shared: what failed for one report fails for all that are being sent, and is logged once.
      if (isPausing) return !isRetryable;
      if (!hasCode(error, 'bus_closed')) {
        logger.warn({ err: error, container: report.container, kind: report.kind }, 'report not delivered');
        // Saying it again would fail again; the next sync finds the difference between log and engine.
        if (!isRetryable) return true;
      }
      void standBack();
      return false;
    }
  };

  const standBack = async () => {
    isPausing = true;
    await pause(pauseMs, undefined, { signal: closing.signal }).catch(() => {});
    pauseMs = Math.min(pauseMs * 2, pauseMaxMs);
    isPausing = false;
    flush();
  };

  return {
    report(container, body, onConfirmed) {
      const queue = queues.get(container);
      if (closing.signal.aborted || queue?.some(({ report }) => report.kind === body.kind)) return;
      const report = envelope(container, body);
      if (!report) return;
      if (queue) return void queue.push({ report, onConfirmed });
      queues.set(container, [{ report, onConfirmed }]);
      ready.add(container);
      flush();
    },
    sendUnreliably(container, body) {
      const report = envelope(container, body);
      if (!report || queues.has(container) || closing.signal.aborted || sending >= sendingMax) return;
      sending += 1;
      bus
        .sendReport(report)
        .catch((error: unknown) => logger.debug({ err: error, container }, 'a report that may be lost was lost'))
        .finally(() => {
          sending -= 1;
          flushSoon();
        });
    },
    drop: forget,
    drained() {
      if (queues.size === 0) return Promise.resolve();
      empty ??= Promise.withResolvers<void>();
      return empty.promise;
    },
    close() {
      closing.abort();
      for (const container of [...queues.keys()]) forget(container);
    },
  };
}
