/**
 * This machine's clock, held to the database's: one that runs ahead would date every later event there, for a log's time does not
 * fall. The database is the one neighbour that all managers share.
 */

import type { Db } from 'mongodb';
import { type Clock, systemClock } from '../../../clock.ts';
import { AppError, hasCode } from '../../../errors.ts';
import type { Logger } from '../../../logger.ts';
import { ask, describeServer } from './mongo-operation.ts';

export type DatabaseClock = Pick<Clock, 'nowMs'> & { close(): void };

/** Clocks that are synchronised differ by milliseconds. */
const aheadMaxMs = 5 * 60_000;
const compareEveryMs = 60_000;

/**
 * Never more than five minutes ahead of the database, also when it jumps later on.
 * @param options.isAccepted an operator says that this clock is right, and the database's is not: it is taken as it is
 * @throws AppError `clock_ahead` when it is further ahead at the start · `log_unavailable`
 */
export async function openDatabaseClock(
  { db, logger, clock = systemClock }: { db: Db; logger: Logger; clock?: Clock },
  { isAccepted }: { isAccepted: boolean },
): Promise<DatabaseClock> {
  if (isAccepted) return { nowMs: clock.nowMs, close() {} };
  let bound = { ms: Number.POSITIVE_INFINITY, sinceMs: 0 };

  const compare = async () => {
    const { localTime } = await ask(() => describeServer(db));
    if (!(localTime instanceof Date)) return;
    const aheadMs = clock.nowMs() - localTime.getTime();
    bound = { ms: localTime.getTime() + aheadMaxMs, sinceMs: clock.monotonicMs() };
    if (aheadMs <= aheadMaxMs) return;
    const message = `this machine's clock is ${Math.round(aheadMs / 1_000)} s ahead of the database's, ${localTime.toISOString()}`;
    throw new AppError(
      'clock_ahead',
      `${message}: set it, or start with --accept-clock now if the database's is wrong`,
    );
  };
  await compare();
  const timer = setInterval(() => {
    compare().catch((error: unknown) => {
      if (hasCode(error, 'clock_ahead')) logger.error({ err: error }, 'times are held to those of the database');
    });
  }, compareEveryMs).unref();

  return {
    nowMs: () => Math.min(clock.nowMs(), Math.floor(bound.ms + clock.monotonicMs() - bound.sinceMs)),
    close: () => clearInterval(timer),
  };
}
