/**
 * Appends what was decided from the view, expecting the versions it was decided from. When another writer was faster,
 * the view catches up and the decision is made again, until a deadline.
 */

import type { Clock } from '../../clock.ts';
import { AppError, hasCode } from '../../errors.ts';
import type { AppendOptions, AppendResult, EventLog } from '../../events/log/event-log.ts';
import type { NewEvent } from '../../events/schema/event.ts';
import { type CatchUpDeps, createCatchUp } from './catch-up.ts';

/** Without events there is nothing to append. */
export type Decided = { events: readonly NewEvent[]; options?: AppendOptions };

export type DecisionResult<D extends Decided> =
  /** `appended` is null when there was nothing to append. */
  | { kind: 'decided'; decision: D; appended: AppendResult | null }
  /** Nothing was appended: other writers kept changing the same, or the view cannot catch up with what they wrote. */
  | { kind: 'conflict'; error: AppError };

/**
 * @param decide called with the view as it is, again after each conflict
 * @throws what `decide` throws · AppError of an append, but `expectation_failed`
 */
export type AppendDecision = <D extends Decided>(decide: () => D) => Promise<DecisionResult<D>>;

type Deps = CatchUpDeps & { log: Pick<EventLog, 'append'>; clock: Pick<Clock, 'monotonicMs'> };

/** Each round takes one commit of another writer. As long as a caller of the API should have to wait at most. */
export const conflictDeadlineMs = 5_000;

export function createAppendDecision({ log, projector, clock }: Deps): AppendDecision {
  const catchUp = createCatchUp({ log, projector });

  return async (decide) => {
    const startedMs = clock.monotonicMs();
    for (;;) {
      const decision = decide();
      if (decision.events.length === 0) return { kind: 'decided', decision, appended: null };
      try {
        return { kind: 'decided', decision, appended: await log.append(decision.events, decision.options) };
      } catch (error) {
        if (!hasCode(error, 'expectation_failed')) throw error;
      }
      if (clock.monotonicMs() - startedMs > conflictDeadlineMs) return { kind: 'conflict', error: keptChanging() };
      try {
        await catchUp();
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        return { kind: 'conflict', error };
      }
    }
  };
}

const keptChanging = () =>
  new AppError('expectation_failed', `other writers kept changing the same for ${conflictDeadlineMs} ms; try again`);
