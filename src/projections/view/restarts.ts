/**
 * Counts the runs of a slot that ended by themselves or became unhealthy, in the last hour of log time: by minute, so that
 * a slot keeps sixty numbers at most. Pure. What has grown old is left out when it is read: it leaves no trace in the log.
 */

import { parseIsoTime } from './iso-time.ts';

/** Minutes since 1970 with what was counted in each, oldest first; no minute twice, and none without a count. */
export type RestartMinutes = readonly { minute: number; restarts: number }[];

const minutesKept = 60;

const minuteOf = (atMs: number): number => Math.floor(atMs / 60_000);

/** No earlier time than the last that was counted. */
export function addRestart(minutes: RestartMinutes, at: string): RestartMinutes {
  const minute = minuteOf(parseIsoTime(at));
  const kept = withinHour(minutes, minute);
  const last = kept.at(-1);
  return last?.minute === minute
    ? [...kept.slice(0, -1), { minute, restarts: last.restarts + 1 }]
    : [...kept, { minute, restarts: 1 }];
}

/** In the minute of `at` and the 59 before it. */
export function restartsLastHour(minutes: RestartMinutes, at: string): number {
  // Of most slots: the time need not be read.
  if (minutes.length === 0) return 0;
  return sum(withinHour(minutes, minuteOf(parseIsoTime(at))));
}

/** After the clock of the log was set back: what was counted later than `atMs` counts as of then. */
export function restartsNotAfter(minutes: RestartMinutes, atMs: number): RestartMinutes {
  const minute = minuteOf(atMs);
  const later = minutes.filter((counted) => counted.minute >= minute);
  if (later.length === 0) return minutes;
  return [...minutes.slice(0, minutes.length - later.length), { minute, restarts: sum(later) }];
}

const withinHour = (minutes: RestartMinutes, now: number): RestartMinutes =>
  minutes.filter(({ minute }) => minute > now - minutesKept);

const sum = (minutes: RestartMinutes): number => minutes.reduce((total, { restarts }) => total + restarts, 0);
