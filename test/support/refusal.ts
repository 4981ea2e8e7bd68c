/** Expects a refusal in a test. */

import { AppError } from '../../src/errors.ts';

/** The refusal itself, to look at; whatever else is thrown goes on. */
export async function refusal(attempt: () => Promise<unknown>): Promise<AppError> {
  try {
    await attempt();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}
