/**
 * Runs the planner when the view changed, a node stopped sending heartbeats or a deadline passed; appends the steps and
 * waits until the view holds them. One round at a time, and the last trigger is never lost. It decides nothing itself.
 */

import { setTimeout as pause } from 'node:timers/promises';
import { defer, from, interval, Subject, type Subscription, throttle } from 'rxjs';
import type { Clock } from '../../clock.ts';
import { AppError, hasCode } from '../../errors.ts';
import type { EventLog, Expectation } from '../../events/log/event-log.ts';
import type { Logger } from '../../logger.ts';
import type { Projector } from '../../projections/live/projector.ts';
import { createCatchUp } from '../append/catch-up.ts';
import type { Liveness } from '../intake/liveness.ts';
import { nextDeadlineMs, plan } from '../planner/plan.ts';
import type { HeartbeatStatus } from '../planner/plan-nodes.ts';
import { isDisrupted } from '../planner/plan-nodes.ts';
import type { PlanSettings } from '../planner/slot-buckets.ts';
import { describeStep, type Step } from '../planner/step.ts';
import { groupSteps } from '../planner/step-groups.ts';
import { createWorkQueue } from '../planner/work-queue.ts';
import { createLogTime } from './log-clock.ts';

export type Loop = {
  /** Looks at everything once, then at what changes. */
  lead(term: number): void;
  stepDown(): void;
  start(): void;
  close(): Promise<void>;
};

/** How often deadlines are looked at; also how late a restart or a time-out may be. */
const tickMs = 250;
/** Planning so many takes a quarter of a second, and heartbeats and calls wait for it. */
const slotsPerRoundMax = 10_000;
/** After an append of unknown outcome the log may take its time. */
const unknownPauseMs = 500;
const viewDeadlineMs = 10_000;

type Deps = {
  log: Pick<EventLog, 'append' | 'head'>;
  projector: Projector;
  liveness: Pick<Liveness, 'silences$' | keyof HeartbeatStatus>;
  clock: Clock;
  logger: Logger;
};

export function createLoop(
  { log, projector, liveness, clock, logger }: Deps,
  options: PlanSettings & { onSuperseded: () => void },
): Loop {
  const { view } = projector;
  const triggers$ = new Subject<void>();
  const work = createWorkQueue(view);
  const catchUp = createCatchUp({ log, projector });
  const subscriptions: Subscription[] = [];
  let term: number | null = null;
  let round: Promise<void> = Promise.resolve();
  const logTime = createLogTime(view, clock);

  const reconcile = async () => {
    if (term === null) return;
    const steps = plan({
      ...{ view, work: work.take(slotsPerRoundMax), heartbeats: liveness },
      ...{ settings: options, nowMs: logTime(), wallClockMs: clock.nowMs() },
    });
    if (!work.isEmpty()) triggers$.next();
    const appends = groupSteps(steps);
    if (appends.length === 0) return;
    const lasts = await Promise.all(appends.map((group) => append(group, term)));
    const last = Math.max(...lasts);
    if (last > 0) await projector.waitFor(last, viewDeadlineMs);
  };

  /** Position of its last event; 0 when nothing was written and the subject is looked at again. */
  const append = async (steps: Step[], underTerm: number | null): Promise<number> => {
    if (underTerm === null) return 0;
    for (const step of steps) logger.info({ step: describeStep(step) }, 'planned');
    try {
      const { last } = await log.append(
        steps.map(({ event }) => event),
        { expect: mergeExpectations(steps), term: underTerm },
      );
      return last;
    } catch (error) {
      if (hasCode(error, 'term_superseded')) {
        options.onSuperseded();
        return 0;
      }
      if (!(error instanceof AppError)) throw error;
      for (const step of steps) work.requeue(step);
      if (hasCode(error, 'expectation_failed')) {
        logger.debug({ err: error }, 'the cluster moved on; planning again');
        // A view that stays behind makes the next append conflict too.
        await catchUp().catch(() => {});
      } else {
        logger.warn({ err: error }, 'steps not appended; planning again');
        await pause(unknownPauseMs);
      }
      triggers$.next();
      return 0;
    }
  };

  const runRound = () => {
    round = reconcile().catch((error: unknown) => logger.error({ err: error }, 'reconciling failed'));
    return from(round);
  };

  const tick = () => {
    const deadlineMs = nextDeadlineMs(view);
    const isDue = deadlineMs !== null && deadlineMs <= logTime();
    if (isDue || isDisrupted(view)) triggers$.next();
  };

  return {
    lead(newTerm) {
      term = newTerm;
      work.addAll();
      triggers$.next();
    },
    stepDown() {
      term = null;
      work.clear();
    },
    start() {
      const unsubscribe = projector.onFolded((_events, _commit, touched) => {
        // A follower collects nothing: to lead begins with everything.
        if (term === null) return;
        work.add(touched);
        if (!work.isEmpty()) triggers$.next();
      });
      const silences = liveness.silences$.subscribe((node) => {
        if (term === null) return;
        work.addNode(node);
        triggers$.next();
      });
      const rounds = triggers$.pipe(throttle(() => defer(runRound), { leading: true, trailing: true })).subscribe();
      const ticks = interval(tickMs).subscribe(tick);
      subscriptions.push(silences, rounds, ticks);
      silences.add(unsubscribe);
    },
    async close() {
      term = null;
      for (const subscription of subscriptions) subscription.unsubscribe();
      await round;
    },
  };
}

function mergeExpectations(steps: readonly Step[]): Expectation[] {
  const versions = new Map(steps.flatMap(({ expect }) => expect.map(({ stream, version }) => [stream, version])));
  return [...versions].map(([stream, version]) => ({ stream, version }));
}
