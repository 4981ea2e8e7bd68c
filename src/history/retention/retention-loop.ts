/** Prunes every few minutes while the manager leads. */

import { AppError } from '../../errors.ts';
import type { Actor } from '../../events/schema/event.ts';
import type { Logger } from '../../logger.ts';
import { findPrunable, prune, type RetentionLog } from './retention.ts';

export type RetentionLoop = {
  /** Ends within a step. */
  close(): Promise<void>;
};

export type RetentionLoopDeps = {
  log: RetentionLog;
  logger: Logger;
  /** The leadership of this process, null while another leads. */
  term: () => number | null;
};

export type RetentionLoopOptions = {
  /** Log time; 0 keeps everything. */
  retentionMs: number;
  actor: Actor;
  /** Default 5 minutes. */
  everyMs?: number;
};

/** Some hundred commits at a time, and a record of it a few hundred times a day: both are small. */
const everyDefaultMs = 5 * 60_000;
/** Appends go on in between. */
const stepPauseMs = 100;

export function createRetentionLoop(
  { log, logger, term }: RetentionLoopDeps,
  { retentionMs, actor, everyMs = everyDefaultMs }: RetentionLoopOptions,
): RetentionLoop {
  const closing = new AbortController();
  const { signal } = closing;
  let pass: Promise<void> | null = null;

  const pruneOnce = async () => {
    const underTerm = term();
    if (underTerm === null) return;
    const prunable = await findPrunable(log, { retentionMs });
    if (!prunable) return;
    const { commits, events } = await prune(log, prunable, { actor, term: underTerm, pauseMs: stepPauseMs, signal });
    const { throughSlot } = prunable;
    if (commits > 0) logger.info({ commits, events, throughSlot }, 'telemetry older than the retention is pruned');
  };

  const tick = () => {
    pass ??= pruneOnce()
      .catch((error: unknown) => {
        if (signal.aborted) return;
        // Another manager leads, or the log is away: the next leader goes on.
        if (error instanceof AppError) logger.info({ err: error }, 'telemetry not pruned; trying again later');
        else logger.error({ err: error }, 'pruning failed');
      })
      .finally(() => {
        pass = null;
      });
  };

  const timer = retentionMs > 0 ? setInterval(tick, everyMs) : undefined;
  return {
    async close() {
      clearInterval(timer);
      closing.abort();
      await pass;
    },
  };
}
