/** Bounds how long one operation of a database may take: the driver itself would wait for ever. */

import { AppError } from '../../errors.ts';

/** Longer than a failover takes that one can wait for. */
const operationDeadlineMs = 10_000;

/** What is late may happen all the same. @throws AppError `database_late` (retryable) */
export async function withDeadline<T>(operation: Promise<T>, deadlineMs = operationDeadlineMs): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const message = `the database did not answer within ${deadlineMs} ms`;
    timer = setTimeout(() => reject(new AppError('database_late', message, { retryable: true })), deadlineMs);
  });
  try {
    return await Promise.race([operation, late]);
  } finally {
    clearTimeout(timer);
  }
}
