/**
 * Runs the planner when the view changed, a node stopped sending heartbeats or a deadline passed; appends the steps and
 * waits until the view holds them. One round at a time, and the last trigger is never lost. It decides nothing itself.
 */

import { defer, from, interval, Subject, type Subscription, throttle } from 'rxjs';
import type { Clock } from '../../clock.ts';
import type { EventLog } from '../../events/log/event-log.ts';
import type { Logger } from '../../logger.ts';
import type { Projector } from '../../projections/live/projector.ts';
import type { Liveness } from '../intake/liveness.ts';
import { nextDeadlineMs, plan } from '../planner/plan.ts';
import type { HeartbeatStatus } from '../planner/plan-nodes.ts';
import { isDisrupted } from '../planner/plan-nodes.ts';
import type { PlanSettings } from '../planner/plan-round.ts';
import { groupSteps } from '../planner/step-groups.ts';
import { createWorkQueue } from '../planner/work-queue.ts';
import { createStepAppender } from './append-steps.ts';
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
  const appendSteps = createStepAppender(
    { log, projector, logger },
    {
      onSuperseded: options.onSuperseded,
      onRefused(steps) {
        for (const step of steps) work.requeue(step);
      },
      onRetry: () => triggers$.next(),
    },
  );
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
    const under = term;
    const lasts = await Promise.all(groupSteps(steps).map((group) => appendSteps(group, under)));
    const last = Math.max(0, ...lasts);
    if (last > 0) await projector.waitFor(last, viewDeadlineMs);
  };

  const runRound = () => {
    round = reconcile().catch((error: unknown) => logger.error({ err: error }, 'reconciling failed'));
    return from(round);
  };

  const tick = () => {
    const deadlineMs = nextDeadlineMs(view);
    const isDue = deadlineMs !== null && deadlineMs <= logTime();
    if (isDue || isDisrupted(view) || view.unreachable.size > 0) triggers$.next();
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
