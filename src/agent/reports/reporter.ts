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
/** A report as its teller knows it: the envelope is the reporter's. */
export type Told = WithoutHead<ContainerReport>;

export type Reporter = {
  /**
   * Keeps and sends it after those of the same container. One of the same kind that still waits makes it needless.
   * @param onConfirmed called once, when the bus has it
   */
  tell(container: string, told: Told, onConfirmed?: () => void): void;
  /** Sends it once, without keeping it, unless something of the container waits or the bus has enough to do. */
  mention(container: string, told: Told): void;
  /** Forgets what waits for the container. */
  drop(container: string): void;
  /** Resolves when nothing waits any more. */
  drained(): Promise<void>;
  close(): void;
};

export type ReporterOptions = {
  clusterId: string;
  node: string;
  /** The session reports are told in. */
  session: () => number | null;
};

type Entry = { report: ContainerReport; onConfirmed: (() => void) | undefined };

/** On their way at once: a broker confirms some tens of thousands a second in a window of this size. */
const onTheirWayMax = 200;
const pauseMinMs = 250;
const pauseMaxMs = 5_000;

export function createReporter(
  { bus, clock, logger }: { bus: AgentBus; clock: Clock; logger: Logger },
  { clusterId, node, session }: ReporterOptions,
): Reporter {
  const closing = new AbortController();
  /** By container, in order; the first of a lane is on its way or next. */
  const lanes = new Map<string, Entry[]>();
  /** Containers whose first report is not on its way, in the order they came. */
  const line = new Set<string>();
  let onTheirWay = 0;
  let pauseMs = pauseMinMs;
  let isPausing = false;
  let isPumpDue = false;
  let empty: PromiseWithResolvers<void> | undefined;

  const envelope = (container: string, told: Told): ContainerReport | null => {
    const current = session();
    if (current === null) return null;
    const at = new Date(clock.nowMs()).toISOString();
    return { clusterId, node, reportId: randomUUID(), at, session: current, container, ...told } as ContainerReport;
  };

  const forget = (container: string) => {
    lanes.delete(container);
    line.delete(container);
    if (lanes.size > 0) return;
    empty?.resolve();
    empty = undefined;
  };

  const pump = () => {
    for (const container of line) {
      if (isPausing || onTheirWay >= onTheirWayMax || closing.signal.aborted) return;
      line.delete(container);
      void sendFirst(container);
    }
  };

  /** In a later turn of the event loop: thousands of reports in one would keep everybody else waiting. */
  const pumpSoon = () => {
    if (isPumpDue) return;
    isPumpDue = true;
    setImmediate(() => {
      isPumpDue = false;
      pump();
    });
  };

  const sendFirst = async (container: string) => {
    const lane = lanes.get(container);
    const [entry] = lane ?? [];
    if (!lane || !entry) return;
    onTheirWay += 1;
    const isOver = await isDelivered(entry.report);
    onTheirWay -= 1;
    pumpSoon();
    // Forgotten meanwhile: nobody waits for it.
    if (lanes.get(container) !== lane) return;
    if (isOver) lane.shift();
    if (lane.length > 0) line.add(container);
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
      // The bus is shared: what befell one report befalls all that are on their way, and is told once.
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
    pump();
  };

  return {
    tell(container, told, onConfirmed) {
      const lane = lanes.get(container);
      if (closing.signal.aborted || lane?.some(({ report }) => report.kind === told.kind)) return;
      const report = envelope(container, told);
      if (!report) return;
      if (lane) return void lane.push({ report, onConfirmed });
      lanes.set(container, [{ report, onConfirmed }]);
      line.add(container);
      pump();
    },
    mention(container, told) {
      const report = envelope(container, told);
      if (!report || lanes.has(container) || closing.signal.aborted || onTheirWay >= onTheirWayMax) return;
      onTheirWay += 1;
      bus
        .sendReport(report)
        .catch((error: unknown) => logger.debug({ err: error, container }, 'a mention was lost'))
        .finally(() => {
          onTheirWay -= 1;
          pumpSoon();
        });
    },
    drop: forget,
    drained() {
      if (lanes.size === 0) return Promise.resolve();
      empty ??= Promise.withResolvers<void>();
      return empty.promise;
    },
    close() {
      closing.abort();
      for (const container of [...lanes.keys()]) forget(container);
    },
  };
}
