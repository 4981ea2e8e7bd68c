/** Durations as operators write them: `30s`, `90m`, `24h`, `7d`. */

import { AppError } from '../../errors.ts';

const unitsMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** @param option names it in a refusal @returns milliseconds @throws AppError `usage_invalid` */
export function parseDuration(option: string, text: string): number {
  const [, amount, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (amount !== undefined && unit !== undefined) return Number(amount) * unitsMs[unit as keyof typeof unitsMs];
  throw new AppError('usage_invalid', `${option} takes 30s, 90m, 24h or 7d, not ${JSON.stringify(text.slice(0, 40))}`);
}
