/** How long ago something was, for people: `3 m`. Programs get the time itself. Pure. */

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** In the largest unit that it fills; clocks that differ make no negative age. */
export function formatAge(at: string, nowMs: number): string {
  const ms = Math.max(0, nowMs - Date.parse(at));
  const [unit, unitMs] = units.find(([, of]) => ms >= of) ?? units.at(-1)!;
  return `${Math.floor(ms / unitMs)} ${unit}`;
}
