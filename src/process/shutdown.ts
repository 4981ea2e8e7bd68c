/**
 * Shuts down parts that depend on each other: stage after stage, the parts of a stage side by side, all of it
 * within one deadline. Whatever is not done by then goes on behind the caller's back.
 */

import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../clock.ts';
import type { Logger } from '../logger.ts';

export type Closing<Stage extends string> = {
  /** To be closed with this stage. */
  add(stage: Stage, part: string, close: () => Promise<void>): void;
  /** Never rejects. A second call waits for the first. */
  close(withinMs: number): Promise<void>;
};

/** Kept of the time for each stage that follows: letting go takes milliseconds. */
const reserveMs = 300;

/** @param order the stage that closes first comes first */
export function createClosing<Stage extends string>(
  order: readonly Stage[],
  { logger }: { logger: Logger },
): Closing<Stage> {
  const parts: { stage: Stage; part: string; close: () => Promise<void> }[] = [];
  let closed: Promise<void> | undefined;

  const closeAll = async (withinMs: number) => {
    const endMs = systemClock.monotonicMs() + withinMs;
    for (const [index, stage] of order.entries()) {
      const stagesLeft = order.length - index - 1;
      await closeStage(stage, Math.max(0, endMs - systemClock.monotonicMs() - stagesLeft * reserveMs));
    }
  };

  const closeStage = async (stage: Stage, withinMs: number) => {
    const open = new Set<string>();
    const closings = parts
      .filter((one) => one.stage === stage)
      .map(async ({ part, close }) => {
        open.add(part);
        await close().catch((error: unknown) => logger.warn({ err: error, part }, 'a part did not close cleanly'));
        open.delete(part);
      });
    const over = new AbortController();
    const deadline = pause(withinMs, undefined, { signal: over.signal }).catch(() => {});
    await Promise.race([Promise.all(closings), deadline]);
    over.abort();
    if (open.size > 0) logger.warn({ parts: [...open] }, 'not closed in time; the rest goes on without them');
  };

  return {
    add(stage, part, close) {
      parts.push({ stage, part, close });
    },
    close(withinMs) {
      closed ??= closeAll(withinMs);
      return closed;
    },
  };
}
