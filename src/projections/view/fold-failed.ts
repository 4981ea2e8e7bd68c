/** The error of a log that cannot be folded: it holds what this program does not understand, or is damaged. */

import { AppError, errorMessage } from '../../errors.ts';

/** @param position the first that is not folded */
export function foldFailed(position: number, cause: unknown): AppError {
  const message = `the log cannot be folded at position ${position}: ${errorMessage(cause)}`;
  return new AppError('fold_failed', message, { cause, details: { position } });
}
