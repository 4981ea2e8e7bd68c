/** Parses the points in time that callers give: a position of the log, or a time. */

import { Type } from '@sinclair/typebox';
import type { PointInTime } from '../../history/replay/replay.ts';
import { refuseField } from '../response/problem.ts';

export const Position = Type.String({
  pattern: '^(0|[1-9][0-9]{0,14})$',
  maxLength: 15,
  description: 'a position: 0, 1, 2, …',
});

export const Time = Type.String({
  pattern:
    '^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\\.[0-9]{1,3})?)?Z$',
  maxLength: 24,
  description: 'a time in UTC such as 2026-01-31T14:03:00Z',
});

export const PointInTimeParam = Type.String({
  pattern: `^[1-9][0-9]{0,14}$|${Time.pattern}`,
  maxLength: 24,
  description: 'a position such as 1500, or a time in UTC such as 2026-01-31T14:03:00Z',
  examples: ['7'],
});

/** Of routes that answer for now, or for a point in time. */
export const AtQuery = Type.Partial(Type.Object({ at: PointInTimeParam }), { additionalProperties: false });

/** The pattern accepts the 31st of every month; the calendar may not. @throws AppError `query_invalid` */
export function toTime(field: string, text: string): string {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) throw refuseField('query_invalid', field, `must be ${Time.description}`);
  return time.toISOString();
}

/**
 * @param nowMs a later time is refused: its state is not known yet
 * @throws AppError `query_invalid` · `moment_in_future`
 */
export function toPointInTime(field: string, text: string, nowMs: number): Exclude<PointInTime, 'head'> {
  if (/^\d+$/.test(text)) return { position: Number(text) };
  const time = toTime(field, text);
  if (Date.parse(time) > nowMs) throw refuseField('moment_in_future', field, 'must not be in the future');
  return { time };
}
