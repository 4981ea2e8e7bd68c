/** The time for deadlines that the log holds: never earlier than its head, and never at a standstill. */

import type { Clock } from '../../clock.ts';
import { parseIsoTime } from '../../projections/view/iso-time.ts';

/**
 * The log's time may be ahead of this machine's: a manager whose clock is wrong wrote one commit. Deadlines counted from
 * there are as far ahead, so from the time the log's time rose it goes on by the monotonic clock.
 * @returns milliseconds since the epoch; call it at least as often as deadlines are to be met
 */
export function createLogTime(view: { readonly at: string }, clock: Clock): () => number {
  let at = view.at;
  let roseAtMs = clock.monotonicMs();
  return () => {
    // Also when a correction set it back.
    if (view.at !== at) {
      at = view.at;
      roseAtMs = clock.monotonicMs();
    }
    return Math.max(clock.nowMs(), Math.floor(parseIsoTime(at) + clock.monotonicMs() - roseAtMs));
  };
}
