/** How many bytes of answers may wait for their clients at once: what a client does not read stays in this process. */

import { AppError } from '../../errors.ts';

export type ByteBudget = {
  /**
   * Takes its bytes until it is released; a second release does nothing.
   * @throws AppError `streams_full`, retryable
   */
  take(bytes: number, caller: string): () => void;
};

/**
 * An answer larger than what there is, in all or for its caller, is allowed while there is no other.
 * @param ofCaller less than `ofAll`, so that no caller has it all
 */
export function createByteBudget({ ofAll, ofCaller }: { ofAll: number; ofCaller: number }): ByteBudget {
  const takenBy = new Map<string, number>();
  let taken = 0;

  const add = (caller: string, bytes: number) => {
    taken += bytes;
    const own = (takenBy.get(caller) ?? 0) + bytes;
    if (own === 0) takenBy.delete(caller);
    else takenBy.set(caller, own);
  };

  return {
    take(bytes, caller) {
      const own = takenBy.get(caller) ?? 0;
      if (own > 0 && own + bytes > ofCaller) throw refuse('this caller reads', own);
      if (taken > 0 && taken + bytes > ofAll) throw refuse('clients read', taken);
      add(caller, bytes);
      let isReleased = false;
      return () => {
        if (isReleased) return;
        isReleased = true;
        add(caller, -bytes);
      };
    },
  };
}

function refuse(who: string, bytes: number): AppError {
  const message = `answers of ${Math.round(bytes / 1_000_000)} MB wait that ${who} slowly; try again`;
  return new AppError('streams_full', message, { retryable: true });
}
