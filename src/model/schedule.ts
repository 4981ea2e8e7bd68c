/** When a job runs by itself: a cron expression in a time zone, and what becomes of ticks that cannot be followed. */

import { type Static, Type } from '@sinclair/typebox';
import { Cron } from 'croner';

/** Ticks that passed while no manager led. */
export const missedRules = ['skip', 'run-once'] as const;
/** A tick while the run before goes on. */
export const overlapRules = ['allow', 'forbid', 'replace'] as const;

export const cronCharactersMax = 100;
export const timeZoneCharactersMax = 64;

/** As stored: every member present. */
export const Schedule = Type.Object(
  {
    /** Five fields, or six with seconds first. */
    cron: Type.String({ maxLength: cronCharactersMax }),
    /** An IANA name. */
    timeZone: Type.String({ maxLength: timeZoneCharactersMax }),
    missed: Type.Union([Type.Literal('skip'), Type.Literal('run-once')]),
    overlap: Type.Union([Type.Literal('allow'), Type.Literal('forbid'), Type.Literal('replace')]),
  },
  { additionalProperties: false },
);
export type Schedule = Static<typeof Schedule>;

/** Of a schedule that says no more than when. */
export const scheduleDefaults = { timeZone: 'UTC', missed: 'skip', overlap: 'forbid' } as const;

type Times = Pick<Schedule, 'cron' | 'timeZone'>;

const open = ({ cron, timeZone }: Times): Cron => new Cron(cron, { timezone: timeZone, mode: '5-or-6-parts' });

const never = Number.POSITIVE_INFINITY;
type Next = (afterMs: number) => number;

/** What each schedule was parsed to, and its last answer: the same question is asked several times a second. */
const opened = new WeakMap<Times, { next: Next; afterMs: number; nextMs: number }>();

/** Nothing is due where it is not understood, as with a time zone that is not known here: such a job waits, others go on. */
function openNext(times: Times): Next {
  try {
    const cron = open(times);
    // A time zone is looked up with the first question.
    cron.nextRun(new Date(0));
    return (afterMs) => cron.nextRun(new Date(afterMs))?.getTime() ?? never;
  } catch {
    return () => never;
  }
}

/** The first tick after a time, in milliseconds; null: there is none. Pure. */
export function nextTickMs(times: Times, afterMs: number): number | null {
  const known = opened.get(times);
  const next = known?.next ?? openNext(times);
  const nextMs = known?.afterMs === afterMs ? known.nextMs : next(afterMs);
  opened.set(times, { next, afterMs, nextMs });
  return nextMs === never ? null : nextMs;
}

export type Ticks = {
  /** Of the last of them. */
  lastMs: number;
  /** How many there are, counted up to a bound. */
  count: number;
};

/** The ticks after a time and not after another; null: there are none. Pure. @param countMax of what is counted */
export function findTicks(
  times: Times,
  { afterMs, untilMs }: { afterMs: number; untilMs: number },
  countMax: number,
): Ticks | null {
  const firstMs = nextTickMs(times, afterMs);
  if (firstMs === null || firstMs > untilMs) return null;
  const next = opened.get(times)!.next;
  let count = 0;
  for (let tickMs = firstMs; tickMs <= untilMs && count < countMax; count += 1) tickMs = next(tickMs);
  return { lastMs: findLastMs(next, firstMs, untilMs), count };
}

/** Halves the span: however long it is, a few dozen looks. */
function findLastMs(next: Next, firstMs: number, untilMs: number): number {
  let lastMs = firstMs;
  for (let toMs = untilMs; lastMs < toMs; ) {
    const middleMs = lastMs + Math.floor((toMs - lastMs) / 2);
    const foundMs = next(middleMs);
    if (foundMs <= untilMs) lastMs = foundMs;
    else toMs = middleMs;
  }
  return lastMs;
}

/** Why it cannot be followed, as the end of a sentence; null: it can. Pure. */
export function explainTimes(times: Times): { member: 'cron' | 'timeZone'; rule: string } | null {
  try {
    new Intl.DateTimeFormat('en', { timeZone: times.timeZone });
  } catch {
    return { member: 'timeZone', rule: 'must be the name of a time zone, such as Europe/Berlin' };
  }
  try {
    const isDue = open(times).nextRun(new Date(0)) !== null;
    return isDue ? null : { member: 'cron', rule: 'is never due' };
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^CronPattern: /, '') : String(error);
    return { member: 'cron', rule: `must be a cron expression of five fields, or six with seconds first: ${why}` };
  }
}
