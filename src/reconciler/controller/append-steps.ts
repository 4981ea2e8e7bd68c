/** Appends a group of planned steps under the leader's term, and says what has to be planned again when it was refused. */

import { setTimeout as pause } from 'node:timers/promises';
import { AppError, hasCode } from '../../errors.ts';
import type { EventLog, Expectation } from '../../events/log/event-log.ts';
import type { Logger } from '../../logger.ts';
import type { Projector } from '../../projections/live/projector.ts';
import { createCatchUp } from '../append/catch-up.ts';
import { describeStep, type Step } from '../planner/step.ts';

/** @returns position of the last event; 0 when nothing was written */
export type StepAppender = (steps: readonly Step[], term: number) => Promise<number>;

export type StepAppenderDeps = { log: Pick<EventLog, 'append' | 'head'>; projector: Projector; logger: Logger };

export type StepAppenderOptions = {
  /** Another process was elected. */
  onSuperseded: () => void;
  /** Nothing was written, or it is not known: the steps' subjects have to be planned again. */
  onRefused: (steps: readonly Step[]) => void;
  /** That makes sense now. */
  onRetry: () => void;
};

/** After an append of unknown outcome the log may take its time. */
const unknownPauseMs = 500;

export function createStepAppender(
  { log, projector, logger }: StepAppenderDeps,
  { onSuperseded, onRefused, onRetry }: StepAppenderOptions,
): StepAppender {
  const catchUp = createCatchUp({ log, projector });

  return async (steps, term) => {
    for (const step of steps) logger.info({ step: describeStep(step) }, 'planned');
    const events = steps.map(({ event }) => event);
    try {
      const { last } = await log.append(events, { expect: mergeExpectations(steps), term });
      return last;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      if (hasCode(error, 'term_superseded')) {
        onSuperseded();
        return 0;
      }
      onRefused(steps);
      if (hasCode(error, 'expectation_failed')) {
        logger.debug({ err: error }, 'the cluster moved on; planning again');
        // A view that stays behind makes the next append conflict too.
        await catchUp().catch(() => {});
      } else {
        logger.warn({ err: error }, 'steps not appended; planning again');
        await pause(unknownPauseMs);
      }
      onRetry();
      return 0;
    }
  };
}

function mergeExpectations(steps: readonly Step[]): Expectation[] {
  const versions = new Map(steps.flatMap(({ expect }) => expect.map(({ stream, version }) => [stream, version])));
  return [...versions].map(([stream, version]) => ({ stream, version }));
}
