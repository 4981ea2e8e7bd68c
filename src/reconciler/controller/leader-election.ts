/**
 * Owns who reconciles. Leadership lives in the log: a term begins with ControllerElected, every commit under the term
 * renews it, a higher term ends it. No read ever decides it: the append does.
 */

import type { Clock } from '../../clock.ts';
import { hasCode } from '../../errors.ts';
import type { EventLog } from '../../events/log/event-log.ts';
import { type LogEvent, type NewEvent, streams } from '../../events/schema/event.ts';
import type { Logger } from '../../logger.ts';
import type { Projector } from '../../projections/live/projector.ts';
import { controllerActor } from '../planner/step.ts';

export type Leadership = {
  /** The term this process leads, or null. */
  term(): number | null;
  /** Another process was elected, as an append of ours was told before the fold could. */
  depose(): void;
  start(): void;
  /** Ends the term in the log, so that another can begin at once. Gives up after 1 s. */
  resign(): Promise<void>;
};

type Deps = {
  log: Pick<EventLog, 'append'>;
  projector: Projector;
  clock: Pick<Clock, 'monotonicMs'>;
  logger: Logger;
};

type Options = {
  controllerId: string;
  /** The log has one writing process only: nobody else can lead. */
  isSoleWriter: boolean;
  /** A follower stands for election after this silence of the leader. Default 3 000. */
  leaseMs?: number;
  /** Called in the fold of our own ControllerElected, before any later event is told. */
  onElected: (term: number) => void;
  onDeposed: () => void;
};

const checkEveryMs = 250;
/** A check this late means that the process stood still: what the leader wrote meanwhile has not been read yet. */
const stallMs = 1_000;
const resignDeadlineMs = 1_000;

export function createLeadership({ log, projector, clock, logger }: Deps, options: Options): Leadership {
  const { controllerId, isSoleWriter, leaseMs = 3_000 } = options;
  let led: number | null = null;
  let renewedAtMs = clock.monotonicMs();
  let checkedAtMs = renewedAtMs;
  let isStanding = false;
  let timer: NodeJS.Timeout | undefined;
  let unsubscribe: (() => void) | undefined;

  const lose = () => {
    if (led === null) return;
    logger.warn({ term: led }, 'leadership lost');
    led = null;
    options.onDeposed();
  };

  const observe = (events: readonly LogEvent[]) => {
    for (const event of events) {
      if (event.meta.term === projector.view.controller.term) renewedAtMs = clock.monotonicMs();
      if (event.type !== 'ControllerElected') continue;
      if (event.data.controllerId !== controllerId) lose();
      else if (event.data.term === projector.view.controller.term) {
        led = event.data.term;
        logger.info({ term: led, position: event.position }, 'leadership won');
        options.onElected(led);
      }
    }
  };

  const stand = async () => {
    const { term, version } = projector.view.controller;
    const next = term + 1;
    const elected: NewEvent = {
      stream: streams.controller,
      type: 'ControllerElected',
      data: { term: next, controllerId },
      meta: { actor: controllerActor, causationId: null },
    };
    try {
      const expect = [{ stream: streams.controller, version }];
      await log.append([elected], { expect, term: next });
    } catch (error) {
      if (!hasCode(error, 'expectation_failed') && !hasCode(error, 'term_superseded')) {
        logger.warn({ err: error, term: next }, 'could not stand for election');
      }
    }
  };

  const check = async () => {
    const nowMs = clock.monotonicMs();
    const stoodStill = nowMs - checkedAtMs > checkEveryMs + stallMs;
    checkedAtMs = nowMs;
    if (led !== null || isStanding) return;
    // What could not be read cannot have expired.
    if (stoodStill || projector.trouble() !== null) renewedAtMs = nowMs;
    const { term, resigned } = projector.view.controller;
    const isVacant = term === 0 || resigned || isSoleWriter;
    if (!isVacant && nowMs - renewedAtMs < leaseMs) return;
    isStanding = true;
    await stand();
    renewedAtMs = clock.monotonicMs();
    isStanding = false;
  };

  return {
    term: () => led,
    depose: lose,
    start() {
      unsubscribe = projector.onFolded(observe);
      renewedAtMs = clock.monotonicMs();
      checkedAtMs = renewedAtMs;
      timer = setInterval(() => void check(), checkEveryMs);
      void check();
    },
    async resign() {
      clearInterval(timer);
      unsubscribe?.();
      if (led === null) return;
      const term = led;
      led = null;
      const resigned: NewEvent = {
        stream: streams.controller,
        type: 'ControllerResigned',
        data: { term, controllerId },
        meta: { actor: controllerActor, causationId: null },
      };
      await log.append([resigned], { term, deadlineMs: resignDeadlineMs }).catch((error: unknown) => {
        logger.warn({ err: error, term }, 'could not resign; the lease will run out');
      });
    },
  };
}
