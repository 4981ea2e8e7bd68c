/** One operation on the database: bounded in time, its failures classified. */

import { type Db, type Document, MongoServerError } from 'mongodb';
import { AppError, errorMessage } from '../../../errors.ts';

/** The driver would wait for ever. What comes later than this has an unknown outcome and is asked again. */
const operationDeadlineMs = 10_000;

/**
 * Any failure but a duplicate key leaves the outcome unknown: the connection broke, no majority answered in time, the
 * primary stepped down. The caller asks again.
 * @throws AppError `log_unavailable` · MongoServerError of a duplicate key
 */
export async function ask<T>(operation: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const message = `the database did not answer within ${operationDeadlineMs} ms`;
    timer = setTimeout(() => reject(new Error(message)), operationDeadlineMs);
  });
  try {
    return await Promise.race([operation(), late]);
  } catch (error) {
    if (isDuplicateKey(error)) throw error;
    throw new AppError('log_unavailable', `MongoDB: ${errorMessage(error)}`, {
      retryable: !isRefused(error),
      cause: error,
    });
  } finally {
    clearTimeout(timer);
  }
}

/** Authentication failed (18, 8000), or the user may not do this (13): asking again gets the same answer. */
const isRefused = (error: unknown) => error instanceof MongoServerError && [13, 18, 8000].includes(Number(error.code));

export const isDuplicateKey = (error: unknown) => error instanceof MongoServerError && error.code === 11000;

/** What the server says of itself. */
export function describeServer(db: Db): Promise<Document> {
  return db.command({ hello: 1 }).catch((error: unknown) => {
    // Every real server of the last years knows `hello`.
    if (error instanceof MongoServerError) return {};
    throw error;
  });
}
