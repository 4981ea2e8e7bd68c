/** Repeats an operation while the engine does not answer, with a pause between: no operation is lost. */

import { setTimeout as pause } from 'node:timers/promises';
import { hasCode } from '../../errors.ts';

const pauseMinMs = 200;
/** A daemon that comes back is used again within this. */
const pauseMaxMs = 2_000;

/**
 * Tries until the engine answers, be it a refusal. What was asked of an engine that fell silent may have happened, so
 * the operation has to look before it acts again.
 * @throws whatever else the operation throws · the signal's reason when it aborts
 */
export async function retryWhileEngineUnavailable<T>(operation: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let pauseMs = pauseMinMs; ; pauseMs = Math.min(pauseMs * 2, pauseMaxMs)) {
    signal.throwIfAborted();
    try {
      return await operation();
    } catch (error) {
      if (!hasCode(error, 'engine_unavailable')) throw error;
    }
    await pause(pauseMs, undefined, { signal });
  }
}
