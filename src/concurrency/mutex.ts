/** Mutual exclusion: one task at a time, in the order of asking. */

export type Mutex = <T>(task: () => Promise<T>) => Promise<T>;

/** A task that fails does not keep the next from running. */
export function createMutex(): Mutex {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(task: () => Promise<T>): Promise<T> => {
    const result = last.then(task);
    last = result.catch(() => {});
    return result;
  };
}
