/** Logs, at a bounded rate, that foreign heartbeats are dropped: a foreign agent sends one every second. */

import type { Logger } from '../logger.ts';

/** The first is told at once, then one line a minute with the number of the others. */
const tellEveryMs = 60_000;

export type ForeignMessageLog = { drop(routingKey: string, reason: string): void; close(): void };

export function createForeignMessageLog(logger: Logger): ForeignMessageLog {
  let timer: NodeJS.Timeout | undefined;
  let dropped = 0;
  let last = { routingKey: '', reason: '' };

  const tell = () => {
    timer = undefined;
    if (dropped === 0) return;
    logger.warn({ ...last, dropped }, 'heartbeats dropped');
    dropped = 0;
    timer = setTimeout(tell, tellEveryMs).unref();
  };

  return {
    drop(routingKey, reason) {
      dropped += 1;
      last = { routingKey, reason };
      if (!timer) tell();
    },
    close() {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
