/** Wakes one waiter, and remembers a notification that came before it waited. */

export type Notifier = {
  notify(): void;
  /** Forgets earlier notifications. */
  reset(): void;
  /** @returns whether there was a notification in time; an abort counts as one */
  wait(delayMs: number): Promise<boolean>;
  close(): void;
};

export function createNotifier(signal: AbortSignal): Notifier {
  let isNotified = false;
  let wake: (() => void) | null = null;
  const notify = () => {
    isNotified = true;
    wake?.();
  };
  signal.addEventListener('abort', notify);
  return {
    notify,
    reset() {
      isNotified = false;
    },
    wait: (delayMs) =>
      new Promise((resolve) => {
        if (isNotified || signal.aborted) return resolve(true);
        const timer = setTimeout(done, delayMs);
        wake = done;
        function done() {
          clearTimeout(timer);
          wake = null;
          resolve(isNotified);
        }
      }),
    close: () => signal.removeEventListener('abort', notify),
  };
}
