/** Logs, at a bounded rate, what became of messages: a sender that floods writes no line for each of them. */

import type { Logger } from '../logger.ts';

/** The first is logged at once, then one line a minute with the number of the others. */
const logEveryMs = 60_000;

export type MessageLog = { note(routingKey: string, reason: string): void; close(): void };

/** @param sentence what became of them, such as "heartbeats dropped" */
export function createMessageLog(logger: Logger, sentence: string): MessageLog {
  let timer: NodeJS.Timeout | undefined;
  let messages = 0;
  let last = { routingKey: '', reason: '' };

  const log = () => {
    timer = undefined;
    if (messages === 0) return;
    logger.warn({ ...last, messages }, sentence);
    messages = 0;
    timer = setTimeout(log, logEveryMs).unref();
  };

  return {
    note(routingKey, reason) {
      messages += 1;
      last = { routingKey, reason };
      if (!timer) log();
    },
    close() {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
