/** How an operator names a point in time to an offline command: a position of the log, or a time in UTC. Pure. */

import { AppError } from '../../errors.ts';
import type { PointInTime } from '../../history/replay/replay.ts';

export const pointInTimeHelp = 'a position such as 1500, or a time in UTC such as 2026-01-31T14:03:00Z';

/** What --at names; now without it. @throws AppError `usage_invalid` · `moment_in_future` */
export const pointAt = (at: string | undefined, nowMs: number): PointInTime =>
  at === undefined ? 'head' : parsePointInTime('--at', at, nowMs);

const timePattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?Z$/;

/** @throws AppError `usage_invalid` · `moment_in_future` */
export function parsePointInTime(option: string, text: string, nowMs: number): Exclude<PointInTime, 'head'> {
  if (/^[1-9]\d{0,14}$/.test(text)) return { position: Number(text) };
  const time = timePattern.test(text) ? new Date(text) : null;
  if (time === null || Number.isNaN(time.getTime())) {
    throw new AppError('usage_invalid', `${option} takes ${pointInTimeHelp}, not ${JSON.stringify(text.slice(0, 40))}`);
  }
  if (time.getTime() > nowMs) throw new AppError('moment_in_future', `${option} ${text} has not come yet`);
  return { time: time.toISOString() };
}
