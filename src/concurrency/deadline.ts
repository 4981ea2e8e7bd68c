/** Waits for work that may never end: the work goes on, the wait does not. */

/** Resolves when it settles, at the latest after `deadlineMs`. Its errors are its owner's. */
export async function settledWithin(deadlineMs: number, work: Promise<unknown>): Promise<void> {
  const deadline = Promise.withResolvers<void>();
  const timer = setTimeout(deadline.resolve, deadlineMs);
  await Promise.race([Promise.allSettled([work]), deadline.promise]);
  clearTimeout(timer);
}
