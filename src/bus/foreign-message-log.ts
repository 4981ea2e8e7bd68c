/** Logs, at a bounded rate, that foreign heartbeats are dropped: a foreign agent sends one every second. */

import type { Logger } from '../logger.ts';

/** The first is logged at once, then one line a minute with the number of the others. */
const logEveryMs = 60_000;

export type ForeignMessageLog = { drop(routingKey: string, reason: string): void; close(): void };

export function createForeignMessageLog(logger: Logger): ForeignMessageLog {
  let timer: NodeJS.Timeout | undefined;
  let dropped = 0;
  let last = { routingKey: '', reason: '' };

  const log = () => {
    timer = undefined;
    if (dropped === 0) return;
    logger.warn({ ...last, dropped }, 'heartbeats dropped');
    dropped = 0;
    timer = setTimeout(log, logEveryMs).unref();
  };

  return {
    drop(routingKey, reason) {
      dropped += 1;
      last = { routingKey, reason };
      if (!timer) log();
    },
    close() {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
