/** Keeps a consumer of the bus open, but for the time it is paused: its messages go to another manager meanwhile. */

import type { Consumer } from '../../bus/bus.ts';

export type PausableConsumer = {
  start(): void;
  /** Stops consuming until `canResume`, asked once a second. Does nothing while paused. */
  pause(): void;
  close(): Promise<void>;
};

const resumeEveryMs = 1_000;

export function createPausableConsumer(open: () => Consumer, canResume: () => Promise<boolean>): PausableConsumer {
  let consumer: Consumer | null = null;
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;

  const tryToResume = async () => {
    const isPossible = await canResume();
    if (!isPossible || isClosed || consumer !== null) return;
    clearInterval(timer);
    consumer = open();
  };

  return {
    start() {
      consumer = open();
    },
    pause() {
      if (consumer === null || isClosed) return;
      void consumer.close();
      consumer = null;
      timer = setInterval(tryToResume, resumeEveryMs);
    },
    async close() {
      isClosed = true;
      clearInterval(timer);
      await consumer?.close();
    },
  };
}
