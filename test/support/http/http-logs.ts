/** The logs that the HTTP tests run on, and one whose failures a test decides. */

import { AppError } from '../../../src/errors.ts';
import type { EventLog } from '../../../src/events/log/event-log.ts';
import { type LogPlace, logKinds, openLogAt } from '../log/logs.ts';

export type HttpLog = { name: string; open(): Promise<EventLog>; reopen(): Promise<EventLog> };

/** One place at a time: opening anew takes the one before away. */
export const httpLogs: readonly HttpLog[] = logKinds
  .filter(({ whyNot }) => whyNot === null)
  .map(({ name, createPlace }) => {
    let place: LogPlace | null = null;
    // The last test's place: whether it is reopened is not known before the end.
    process.once('beforeExit', () => void place?.remove().catch(() => {}));
    return {
      name,
      async open() {
        await place?.remove();
        place = await createPlace();
        return openLogAt(place);
      },
      reopen: () => openLogAt(place!),
    };
  });

export const openMemoryLog = async (): Promise<EventLog> => openLogAt(await logKinds[0]!.createPlace());

export type FaultyLog = {
  log: EventLog;
  /** While away every call fails with `log_unavailable`. */
  setAway(isAway: boolean): void;
  /** How many calls failed because it was away. */
  refusals(): number;
  /** The next append takes effect, and its caller is told that nobody knows. */
  loseNextAnswer(): void;
  /** The next append throws this. */
  failNext(error: Error): void;
};

export function createFaultyLog(log: EventLog): FaultyLog {
  let isAway = false;
  let refused = 0;
  let losesAnswer = false;
  let failure: Error | null = null;
  const away = () => {
    refused += 1;
    return new AppError('log_unavailable', 'the log is away, says the test', { retryable: true });
  };
  const guard = <A extends unknown[], T>(call: (...args: A) => Promise<T>) => {
    return async (...args: A): Promise<T> => {
      if (isAway) throw away();
      return call(...args);
    };
  };
  return {
    log: {
      ...log,
      append: guard(async (events, options) => {
        const failing = failure;
        failure = null;
        if (failing) throw failing;
        const result = await log.append(events, options);
        if (!losesAnswer) return result;
        losesAnswer = false;
        throw new AppError('log_unavailable', 'the answer was lost, says the test', { retryable: true });
      }),
      findAppend: guard((appendId) => log.findAppend(appendId)),
      read: guard((query) => log.read(query)),
      head: guard(() => log.head()),
    },
    setAway(away) {
      isAway = away;
    },
    refusals: () => refused,
    loseNextAnswer() {
      losesAnswer = true;
    },
    failNext(error) {
      failure = error;
    },
  };
}
