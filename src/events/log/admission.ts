/**
 * Decides which of the waiting appends go into the next commit: expectations, terms and repeats, each judged against the
 * log's state and the appends before it in the same commit. Pure, but for answering repeats.
 */

import { AppError } from '../../errors.ts';
import { createDraft, type LogState } from './log-state.ts';
import type { PendingAppend } from './pending-append.ts';

export type Admission = {
  /** Go into the commit, in their order; the versions of their events are set. */
  batch: PendingAppend[];
  refusals: { append: PendingAppend; error: AppError }[];
  /** Wait for the commit after it. */
  later: readonly PendingAppend[];
};

/** Every stream and append id of the candidates is known to the state. Appends that are repeats are answered. */
export function admit(candidates: readonly PendingAppend[], state: LogState): Admission {
  const draft = createDraft(state);
  const batch: PendingAppend[] = [];
  const ids = new Set<string>();
  const refusals: Admission['refusals'] = [];
  for (const [index, append] of candidates.entries()) {
    // Twice in one commit: the second waits for the next, where the first is found.
    if (ids.has(append.appendId)) return { batch, refusals, later: candidates.slice(index) };
    if (append.isSettled() || answerRepeat(append, state)) continue;
    const error = draft.refuse(append);
    if (error) {
      refusals.push({ append, error });
      continue;
    }
    for (const { stored } of append.events) {
      stored.version = append.class === 'fact' ? draft.nextVersion(stored.stream) : 0;
    }
    batch.push(append);
    ids.add(append.appendId);
  }
  return { batch, refusals, later: [] };
}

function answerRepeat(append: PendingAppend, state: LogState): boolean {
  const known = state.findAppend(append.appendId);
  if (!known) return false;
  if (append.requestHash !== undefined && known.requestHash !== append.requestHash) {
    append.settle(new AppError('idempotency_key_reused', 'this appendId was used for another request'));
    return true;
  }
  const { first, count } = known;
  append.settle({ first, last: first + count - 1, at: state.head().at, repeated: true });
  return true;
}
