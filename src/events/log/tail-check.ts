/** Checks the last commit of a log when it is opened: a crash damages the end of a file first. */

import { AppError } from '../../errors.ts';
import { canonicalJson } from '../schema/canonical-json.ts';
import { hashBody, hashCommit } from '../schema/hash.ts';
import type { CommitStore } from './commit-store.ts';
import { emptyHead, type LogHead } from './event-log.ts';

/** The rest of the chain is checked by verify. @throws AppError `log_corrupt` (details.slot) */
export async function assertTail(store: CommitStore, head: LogHead): Promise<void> {
  if (head.slot === 0) return;
  const [last, previous] = await Promise.all([store.readSlot(head.slot), store.readSlot(head.slot - 1)]);
  if (!last || (head.slot > 1 && !previous)) throw damaged(head.slot, 'it or the one before it is missing');
  if (hashCommit(previous?.hash ?? emptyHead.hash, last) !== last.hash) throw damaged(head.slot, 'its hash is wrong');
  if (last.events && hashBody(last.events.map(canonicalJson)) !== last.bodyHash) {
    throw damaged(head.slot, 'its events are not those that were written');
  }
}

function damaged(slot: number, why: string): AppError {
  return new AppError('log_corrupt', `the log is damaged at its end, in slot ${slot}: ${why}`, { details: { slot } });
}
