/** How many of its messages a sender may have among the dead letters: one that floods would push out those of all others. */

import { type Clock, systemClock } from '../clock.ts';
import { deadQueueLengthMax } from './topology.ts';

export type DeadLetterShare = {
  /** false: the sender has had its share for now, and the message is dropped. */
  take(sender: string): boolean;
};

/** Within an hour, so that twenty may flood together and every one is seen. */
export const deadLettersPerSender = deadQueueLengthMax / 20;
const windowMs = 3_600_000;
/** The one whose window began first is forgotten. */
const sendersMax = 10_000;

export function createDeadLetterShare(clock: Pick<Clock, 'monotonicMs'> = systemClock): DeadLetterShare {
  const senders = new Map<string, { sinceMs: number; taken: number }>();
  return {
    take(sender) {
      const nowMs = clock.monotonicMs();
      const known = senders.get(sender);
      if (known && nowMs - known.sinceMs < windowMs) {
        known.taken += 1;
        return known.taken <= deadLettersPerSender;
      }
      senders.delete(sender);
      senders.set(sender, { sinceMs: nowMs, taken: 1 });
      const [oldest] = senders.keys();
      if (senders.size > sendersMax && oldest !== undefined) senders.delete(oldest);
      return true;
    },
  };
}
