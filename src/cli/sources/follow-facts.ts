/**
 * Follows what happens over a manager's event stream, and says when state has to be asked for again: when something
 * happened, now and then besides, and more often while no facts come.
 */

import { systemClock } from '../../clock.ts';
import { createNotifier } from '../../concurrency/notifier.ts';
import type { Api } from './api.ts';
import { followEvents } from './follow-events.ts';

/** An answer of a manager, or of a log. */
export type Seen = {
  /** When it was asked for, by the monotonic clock. */
  askedMs: number;
  /** Of the last fact that it has. */
  position: number;
  /** It shows what changes without a fact: how far an image is pulled, when a node was heard. */
  isMoving: boolean;
  /** What it is about; what is about no service may be about any. Default: everything. */
  service?: string;
};

export type FactFeed = {
  /** When it has to be asked for again, by the monotonic clock. */
  dueMs(seen: Seen): number;
  /** Until then, or until the answer of `dueMs` may be another. @throws the signal's reason */
  waitUntil(untilMs: number): Promise<void>;
  close(): void;
};

export type FactFeedOptions = {
  /** Of a fact that is known: an answer has to have it. Those after it are followed. */
  after: number;
  /** Narrows it to facts about one of them. */
  about?: { service?: string; node?: string };
  signal: AbortSignal;
};

type Fact = { position: number; data: { service?: string } };

/** However much happens: often enough for a line that lives. */
const gapMs = 200;
/** While no facts come, or for what is none. */
export const pollMs = 1_000;
/** Beside facts: a node that is not heard changes its services without a fact of theirs. */
const resyncMs = 30_000;

/** @param api null: a log, which sends nothing */
export function followFacts(api: Pick<Api, 'lines'> | null, { after, about, signal }: FactFeedOptions): FactFeed {
  const leaving = new AbortController();
  const ending = AbortSignal.any([signal, leaving.signal]);
  const notifier = createNotifier(ending);
  const known = createFactPositions(after);
  let isLive = false;
  const listener = {
    onConnected: (is: boolean) => {
      if (is !== isLive) notifier.notify();
      isLive = is;
    },
    onFact: (fact: Fact) => {
      known.add(fact);
      notifier.notify();
    },
  };
  if (api !== null) void keepFollowing(api, { after, ...(about ? { about } : {}), signal: ending }, listener);

  return {
    dueMs({ askedMs, position, isMoving, service }) {
      if (known.of(service) > position) return askedMs + gapMs;
      return askedMs + (isLive && !isMoving ? resyncMs : pollMs);
    },
    async waitUntil(untilMs) {
      await notifier.wait(Math.max(0, untilMs - systemClock.monotonicMs()));
      notifier.reset();
      signal.throwIfAborted();
    },
    close() {
      leaving.abort();
      notifier.close();
    },
  };
}

/** The last fact about each service, and about anything. */
function createFactPositions(initial: number) {
  const ofService = new Map<string, number>();
  let [ofAny, ofNone] = [initial, initial];
  return {
    add({ position, data: { service } }: Fact) {
      ofAny = position;
      if (service === undefined) ofNone = position;
      else ofService.set(service, position);
    },
    of: (service: string | undefined) =>
      service === undefined ? ofAny : Math.max(ofNone, ofService.get(service) ?? 0),
  };
}

type Listener = { onConnected: (is: boolean) => void; onFact: (fact: Fact) => void };

/** A refusal that will not pass ends it: state is refused as well. */
async function keepFollowing(
  api: Pick<Api, 'lines'>,
  { after, about, signal }: FactFeedOptions,
  { onConnected, onFact }: Listener,
): Promise<void> {
  const facts = followEvents(api, { query: { class: 'fact', ...about }, after, signal, onConnected });
  try {
    for await (const fact of facts) onFact(fact as Fact);
  } catch {
    // Said where state is asked for.
  }
}
