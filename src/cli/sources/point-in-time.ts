/** How an operator names a point in time: a position of the log, a time in UTC, or how long ago. Pure. */

import { AppError } from '../../errors.ts';
import type { PointInTime } from '../../history/replay/replay.ts';

export const pointInTimeHelp =
  'a position such as 1500, or a time in UTC: 2026-01-31 14:03, 14:03, yesterday, 5m (ago)';

/** What --at names; now without it. @throws AppError `usage_invalid` · `moment_in_future` */
export const pointAt = (at: string | undefined, nowMs: number): PointInTime =>
  at === undefined ? 'head' : parsePointInTime('--at', at, nowMs);

/** @throws AppError `usage_invalid` · `moment_in_future` */
export function parsePointInTime(option: string, text: string, nowMs: number): Exclude<PointInTime, 'head'> {
  if (/^[1-9]\d{0,14}$/.test(text)) return { position: Number(text) };
  const ms = readTime(text, nowMs);
  if (ms === null) {
    throw new AppError('usage_invalid', `${option} takes ${pointInTimeHelp}; not ${JSON.stringify(text.slice(0, 40))}`);
  }
  if (ms > nowMs) throw new AppError('moment_in_future', `${option} ${text} has not come yet`);
  return { time: new Date(ms).toISOString() };
}

/** As a manager takes it. @throws as `parsePointInTime` */
export function queryPoint(option: string, text: string, nowMs: number): string {
  const point = parsePointInTime(option, text, nowMs);
  return 'position' in point ? String(point.position) : point.time;
}

/** A time alone, of the past or the future, as ISO 8601. @throws AppError `usage_invalid` */
export function parseTime(option: string, text: string, nowMs: number): string {
  const ms = readTime(text, nowMs);
  if (ms !== null) return new Date(ms).toISOString();
  const forms = '2026-01-31 14:03, 14:03, yesterday or 5m (ago)';
  throw new AppError(
    'usage_invalid',
    `${option} takes a time in UTC: ${forms}; not ${JSON.stringify(text.slice(0, 40))}`,
  );
}

const dayMs = 86_400_000;
const unitsMs = { s: 1_000, m: 60_000, h: 3_600_000, d: dayMs, w: 7 * dayMs } as const;
const wordsMs = { now: 0, yesterday: dayMs } as const;
/** As it is printed, too: the T may be a space, and what is left out is zero. */
const datePattern = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(:\d{2}(?:\.\d{1,3})?)?)?(?:Z| UTC)?$/;
const timeOfDayPattern = /^(\d{2}:\d{2})(:\d{2}(?:\.\d{1,3})?)?$/;

/** null: it is none. */
function readTime(text: string, nowMs: number): number | null {
  const [, amount, unit] = /^(\d{1,6})([smhdw])(?: ago)?$/.exec(text) ?? [];
  if (amount !== undefined) return nowMs - Number(amount) * unitsMs[unit as keyof typeof unitsMs];
  if (Object.hasOwn(wordsMs, text)) return nowMs - wordsMs[text as keyof typeof wordsMs];
  const today = new Date(nowMs).toISOString().slice(0, 10);
  const [, timeOfDay, ofMinute = ':00'] = timeOfDayPattern.exec(text) ?? [];
  const [, date, time = '00:00', seconds = ':00'] = datePattern.exec(text) ?? [];
  const ms = Date.parse(timeOfDay ? `${today}T${timeOfDay}${ofMinute}Z` : `${date}T${time}${seconds}Z`);
  return Number.isNaN(ms) ? null : ms;
}
