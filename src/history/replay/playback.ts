/** Plays a part of the history again as time passed in it, at any speed. Reads the log and changes nothing. */

import type { EventLog } from '../../events/log/event-log.ts';
import type { EventClass } from '../../events/schema/catalog.ts';
import type { LogEvent } from '../../events/schema/event.ts';

export type PlayDeps = {
  log: Pick<EventLog, 'read' | 'head'>;
  clock: {
    monotonicMs(): number;
    /** Returns early when the signal aborts. */
    pause(delayMs: number, signal: AbortSignal): Promise<void>;
  };
};

export type PlayOptions = {
  /** The first event: at this position or time, or the first after it. Default: the beginning. */
  from?: { position: number } | { time: string };
  /** The last event, likewise. Default: where the log ends when the play begins. */
  to?: { position: number } | { time: string };
  /** 1 = as fast as it happened, 60 = a minute in a second, Infinity = without waiting. */
  speed: number;
  /** Default: facts alone, for heartbeats say little. */
  class?: EventClass;
  signal: AbortSignal;
};

const page = 200;

/** Yields each event when its time has come; ends at the last one, or when the signal aborts. */
export async function* play({ log, clock }: PlayDeps, options: PlayOptions): AsyncGenerator<LogEvent> {
  const { from, to, speed, signal } = options;
  const head = (await log.head()).position;
  const bounds = {
    ...(from && 'time' in from ? { since: from.time } : {}),
    ...(to && 'time' in to ? { until: to.time } : {}),
    to: to && 'position' in to ? Math.min(to.position, head) : head,
    class: options.class ?? ('fact' as const),
    limit: page,
  };
  let begin: { atMs: number; startedMs: number } | null = null;
  let after: number | null = from && 'position' in from ? from.position - 1 : 0;
  while (after !== null) {
    const { events, next } = await log.read({ ...bounds, after });
    for (const event of events) {
      const atMs = Date.parse(event.at);
      begin ??= { atMs, startedMs: clock.monotonicMs() };
      const dueMs = begin.startedMs + (atMs - begin.atMs) / speed;
      await pauseUntil(dueMs, { clock, signal });
      if (signal.aborted) return;
      yield event;
    }
    after = next;
  }
}

/** Beyond it a timer of Node.js fires at once. */
const timerMaxMs = 2 ** 31 - 1;

async function pauseUntil(dueMs: number, { clock, signal }: Pick<PlayDeps, 'clock'> & { signal: AbortSignal }) {
  for (let leftMs = dueMs - clock.monotonicMs(); leftMs > 0 && !signal.aborted; leftMs = dueMs - clock.monotonicMs()) {
    await clock.pause(Math.min(leftMs, timerMaxMs), signal);
  }
}
