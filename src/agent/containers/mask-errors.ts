/** Takes secrets out of the messages of errors: an engine may quote what it was given. */

import { AppError, errorMessage } from '../../errors.ts';
import type { Mask } from './secret-mask.ts';

/** The error as it was, where it quotes nothing. */
export async function maskErrors<T>(mask: Mask, task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (error) {
    const message = mask(errorMessage(error));
    if (message === errorMessage(error)) throw error;
    if (!(error instanceof AppError)) throw new Error(message);
    throw new AppError(error.code, message, { retryable: error.retryable });
  }
}
