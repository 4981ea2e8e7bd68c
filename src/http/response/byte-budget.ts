/** How many bytes of answers may wait for their clients at once: what a client does not read stays in this process. */

import { AppError } from '../../errors.ts';

export type ByteBudget = {
  /**
   * Takes its bytes until it is released; a second release does nothing.
   * @throws AppError `streams_full`, retryable
   */
  take(bytes: number): () => void;
};

/** An answer larger than the whole budget is allowed while there is no other. */
export function createByteBudget(bytesMax: number): ByteBudget {
  let taken = 0;
  return {
    take(bytes) {
      if (taken > 0 && taken + bytes > bytesMax) {
        const message = `answers of ${Math.round(taken / 1_000_000)} MB wait for clients that read them slowly; try again`;
        throw new AppError('streams_full', message, { retryable: true });
      }
      taken += bytes;
      let isReleased = false;
      return () => {
        if (isReleased) return;
        isReleased = true;
        taken -= bytes;
      };
    },
  };
}
