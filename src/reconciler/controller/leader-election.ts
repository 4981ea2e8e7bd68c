/**
 * Decides which manager reconciles. Leadership lives in the log: a term begins with ControllerElected, every commit under the term
 * renews it, a higher term ends it. No read ever decides it: the append does.
 */

import type { Clock } from '../../clock.ts';
import { hasCode } from '../../errors.ts';
import type { EventLog } from '../../events/log/event-log.ts';
import type { EventData } from '../../events/schema/catalog.ts';
import { type LogEvent, type NewEvent, streams } from '../../events/schema/event.ts';
import type { Logger } from '../../logger.ts';
import type { Projector } from '../../projections/live/projector.ts';
import { controllerActor } from '../planner/step.ts';

export type Leadership = {
  /** The term this process leads, or null. */
  term(): number | null;
  /** Another process was elected, as the refusal of an append showed before the fold did. */
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
  /** The log has one writing process only: no other can lead. */
  isSoleWriter: boolean;
  /** Without its broker a manager neither hears nor commands a node: one that leads steps down, none stands. */
  hasBroker: () => boolean;
  /** A follower stands for election after this silence of the leader. Default 3 000. */
  leaseMs?: number;
  /** Called in the fold of our own ControllerElected, before any later event is folded. */
  onElected: (term: number) => void;
  onDeposed: () => void;
};

const checkEveryMs = 250;
/** A check this late means that the process stood still: what the leader wrote meanwhile has not been read yet. */
const stallMs = 1_000;
const resignDeadlineMs = 1_000;
/** Longer than a broker needs to be reached again after a connection broke. */
const brokerAwayMs = 5_000;

export function createLeadership({ log, projector, clock, logger }: Deps, options: Options): Leadership {
  const { controllerId, isSoleWriter, leaseMs = 3_000 } = options;
  let led: number | null = null;
  let renewedAtMs = clock.monotonicMs();
  let checkedAtMs = renewedAtMs;
  let brokerSeenAtMs = renewedAtMs;
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

  /** Where it can still write; where it cannot, the lease runs out. */
  const stepDown = async () => {
    const term = led!;
    logger.warn({ term }, 'the broker has been away for 5 s: another manager may have it');
    lose();
    await resignFrom({ log, logger }, { term, controllerId, reason: 'no broker' });
  };

  const check = async () => {
    const nowMs = clock.monotonicMs();
    const stoodStill = nowMs - checkedAtMs > checkEveryMs + stallMs;
    checkedAtMs = nowMs;
    if (options.hasBroker() || stoodStill) brokerSeenAtMs = nowMs;
    if (led !== null && nowMs - brokerSeenAtMs >= brokerAwayMs) return stepDown();
    if (led !== null || isStanding || !options.hasBroker()) return;
    // What could not be read cannot have expired.
    if (stoodStill || projector.problem() !== null) renewedAtMs = nowMs;
    const { term, resigned } = projector.view.controller;
    const isVacant = term === 0 || resigned || isSoleWriter;
    if (!isVacant && nowMs - renewedAtMs < leaseMs) return;
    isStanding = true;
    await standForElection({ log, logger }, { ...projector.view.controller, controllerId });
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
      await resignFrom({ log, logger }, { term, controllerId });
    },
  };
}

type Writing = Pick<Deps, 'log' | 'logger'>;

/** Asks for the term after the present one. The fold of its event says whether this process has it. */
async function standForElection(
  { log, logger }: Writing,
  { term, version, controllerId }: { term: number; version: number; controllerId: string },
): Promise<void> {
  const next = term + 1;
  try {
    const expect = [{ stream: streams.controller, version }];
    await log.append([controllerEvent('ControllerElected', { term: next, controllerId })], { expect, term: next });
  } catch (error) {
    if (!hasCode(error, 'expectation_failed') && !hasCode(error, 'term_superseded')) {
      logger.warn({ err: error, term: next }, 'could not stand for election');
    }
  }
}

async function resignFrom({ log, logger }: Writing, resignation: EventData<'ControllerResigned'>): Promise<void> {
  const { term } = resignation;
  const resigned = controllerEvent('ControllerResigned', resignation);
  await log.append([resigned], { term, deadlineMs: resignDeadlineMs }).catch((error: unknown) => {
    logger.warn({ err: error, term }, 'could not resign; the lease will run out');
  });
}

function controllerEvent(
  type: 'ControllerElected' | 'ControllerResigned',
  data: EventData<'ControllerElected' | 'ControllerResigned'>,
): NewEvent {
  return { stream: streams.controller, type, data, meta: { actor: controllerActor, causationId: null } };
}
