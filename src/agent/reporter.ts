/**
 * Owns getting reports to the managers: in order for each container, each kept until the bus has it. Knows nothing of
 * what they mean.
 */

import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { AgentBus } from '../bus/bus.ts';
import type { ContainerReport } from '../bus/messages.ts';
import type { Clock } from '../clock.ts';
import { AppError, hasCode } from '../errors.ts';
import type { Logger } from '../logger.ts';

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
  /** Sends it unless something of the container waits, once, without keeping it. */
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
  /** So much waited that all of it was forgotten: what the containers are has to be told anew. */
  onOverflow: () => void;
};

type Entry = { report: ContainerReport; onConfirmed: (() => void) | undefined };

/** Reports kept, of at most a few KiB each: beyond it a registration says the same in one message. */
const keptMax = 2_000;
const pauseMinMs = 250;
const pauseMaxMs = 5_000;

export function createReporter(
  { bus, clock, logger }: { bus: AgentBus; clock: Clock; logger: Logger },
  { clusterId, node, session, onOverflow }: ReporterOptions,
): Reporter {
  const closing = new AbortController();
  /** By container, in order; the first of each lane is on its way. */
  const lanes = new Map<string, Entry[]>();
  let kept = 0;
  let empty: PromiseWithResolvers<void> | undefined;

  const envelope = (container: string, told: Told): ContainerReport | null => {
    const current = session();
    if (current === null) return null;
    const at = new Date(clock.nowMs()).toISOString();
    return { clusterId, node, reportId: randomUUID(), at, session: current, container, ...told } as ContainerReport;
  };

  const forgetLane = (container: string) => {
    kept -= lanes.get(container)?.length ?? 0;
    lanes.delete(container);
    if (lanes.size > 0) return;
    empty?.resolve();
    empty = undefined;
  };

  const send = async (container: string, lane: Entry[]) => {
    for (let entry = lane[0]; entry && lanes.get(container) === lane; entry = lane[0]) {
      if (!(await deliver(entry, () => lanes.get(container) !== lane))) return;
      lane.shift();
      kept -= 1;
      entry.onConfirmed?.();
    }
    if (lanes.get(container) === lane && lane.length === 0) forgetLane(container);
  };

  /** false: nobody waits for it any more. */
  const deliver = async ({ report }: Entry, isForgotten: () => boolean): Promise<boolean> => {
    for (let pauseMs = pauseMinMs; ; pauseMs = Math.min(pauseMs * 2, pauseMaxMs)) {
      try {
        await bus.sendReport(report);
        return !isForgotten();
      } catch (error) {
        if (hasCode(error, 'bus_closed') || isForgotten()) return false;
        const isRetryable = error instanceof AppError && error.retryable;
        logger.warn({ err: error, container: report.container, kind: report.kind }, 'report not delivered');
        // Saying it again would fail again; the next sync finds the difference between log and engine.
        if (!isRetryable) return true;
      }
      await pause(pauseMs, undefined, { signal: closing.signal }).catch(() => {});
      if (closing.signal.aborted || isForgotten()) return false;
    }
  };

  return {
    tell(container, told, onConfirmed) {
      const waiting = lanes.get(container);
      if (closing.signal.aborted || waiting?.some(({ report }) => report.kind === told.kind)) return;
      const report = envelope(container, told);
      if (!report) return;
      if (kept >= keptMax) {
        logger.warn({ kept }, 'too many reports wait for the bus: forgotten, a registration tells the same');
        for (const name of [...lanes.keys()]) forgetLane(name);
        return onOverflow();
      }
      kept += 1;
      if (waiting) return void waiting.push({ report, onConfirmed });
      const lane = [{ report, onConfirmed }];
      lanes.set(container, lane);
      void send(container, lane);
    },
    mention(container, told) {
      const report = envelope(container, told);
      if (!report || lanes.has(container) || closing.signal.aborted) return;
      bus.sendReport(report).catch((error: unknown) => logger.debug({ err: error, container }, 'a mention was lost'));
    },
    drop: forgetLane,
    drained() {
      if (lanes.size === 0) return Promise.resolve();
      empty ??= Promise.withResolvers<void>();
      return empty.promise;
    },
    close() {
      closing.abort();
      for (const container of [...lanes.keys()]) forgetLane(container);
    },
  };
}
