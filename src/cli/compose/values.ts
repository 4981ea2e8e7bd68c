/** The forms of values in compose files: durations, numbers that were variables, command lines. Pure. */

import { AppError } from '../../errors.ts';

const unitSeconds: Readonly<Record<string, number>> = {
  us: 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3_600,
  d: 86_400,
  w: 604_800,
};

/** `1m30s`; rounded up to a second, which is the least that a service counts in. @throws AppError `usage_invalid` */
export function toSeconds(field: string, value: unknown): number {
  const text = String(value);
  const parts = Array.from(text.matchAll(/(\d+(?:\.\d+)?)(us|ms|s|m|h|d|w)/g));
  if (parts.map(([part]) => part).join('') !== text && !/^0$/.test(text)) {
    throw new AppError('usage_invalid', `${field} is a duration such as 1m30s, not ${JSON.stringify(text)}`);
  }
  return Math.ceil(parts.reduce((seconds, [, amount, unit]) => seconds + Number(amount) * unitSeconds[unit!]!, 0));
}

/** A variable makes a text of a number. @throws AppError `usage_invalid` */
export function toNumber(field: string, value: unknown): number {
  const number = typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value);
  if (Number.isFinite(number)) return number;
  throw new AppError('usage_invalid', `${field} is a number, not ${JSON.stringify(value)}`);
}

/** A text is split as a shell does: by spaces, with quotes and backslashes. @throws AppError `usage_invalid` */
export function toArguments(field: string, value: string | readonly string[]): string[] {
  if (typeof value !== 'string') return value.map(String);
  const words = Array.from(value.matchAll(/(?:[^\s'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+|\S/gs), ([word]) => word);
  return words.map((word) => {
    if (/^(?:['"\\])$/.test(word)) throw new AppError('usage_invalid', `${field} has a quote that is not closed`);
    return word.replace(
      /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/gs,
      (_, single?: string, double?: string, escaped?: string) =>
        single ?? double?.replace(/\\(["\\$`])/g, '$1') ?? escaped ?? '',
    );
  });
}

export const toList = (value: unknown): unknown[] =>
  value === undefined || value === null ? [] : Array.isArray(value) ? value : [value];
