/** How commander reads values that several commands take. */

import { InvalidArgumentError } from 'commander';

const limitMax = 10_000;

/** For `--limit`. @throws InvalidArgumentError */
export function parseLimit(text: string): number {
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > limitMax) {
    throw new InvalidArgumentError(`It is a number from 1 to ${limitMax}.`);
  }
  return limit;
}

/** Of an option that may be given several times. */
export const collect = (value: string, before: string[] = []): string[] => [...before, value];
