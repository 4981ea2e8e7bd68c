/** The difference between two points in time: the second handle, and what the manager answers for the two. */

import { effect, signal } from '@preact/signals';
import { ApiError, getJson } from '../source/api.ts';
import { type Direction, isNear, point, range, timeBeside } from './travel.ts';

export type RowChange = {
  change: 'added' | 'removed' | 'changed';
  name: string;
  fields?: { field: string; before: unknown; after: unknown }[];
  madeBy: { events: { position: number; at: string }[] };
};
type Changes = { added: number; removed: number; changed: number; changes: RowChange[]; more: number };
export type Difference = {
  from: { position: number; at: string };
  to: { position: number; at: string };
  services: Changes;
  nodes: Changes;
  containers: Changes;
};

/** Of the second handle; null: nothing is compared. */
export const comparedMs = signal<number | null>(null);
/** `refusal`: why there is none. */
export const difference = signal<{ found: Difference | null; refusal: string | null } | null>(null);

/** While a handle is dragged nothing is asked for. */
const settleMs = 250;

/** From what is shown; from the beginning when that is now. */
export function compare(): void {
  comparedMs.value = comparedMs.value === null ? range.peek().fromMs : null;
}

/** The second handle to the fact before or after it. */
export async function stepCompared(direction: Direction): Promise<void> {
  const fromMs = comparedMs.peek();
  const toMs = fromMs === null ? null : await timeBeside(fromMs, direction);
  if (toMs !== null && comparedMs.peek() === fromMs) comparedMs.value = toMs;
}

export function startCompare(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  effect(() => {
    const fromMs = comparedMs.value;
    const to = point.value;
    clearTimeout(timer);
    if (fromMs === null) {
      difference.value = null;
      return;
    }
    if (!isNear.value) timer = setTimeout(() => void load(fromMs, to), settleMs);
  });
}

async function load(fromMs: number, to: { position: number; timeMs: number } | null): Promise<void> {
  const from = new Date(fromMs).toISOString();
  // The handles may have passed each other: a difference goes from the earlier to the later.
  const isTurned = to !== null && to.timeMs < fromMs;
  const query =
    to === null ? `from=${from}` : isTurned ? `from=${to.position}&to=${from}` : `from=${from}&to=${to.position}`;
  const answer = await getJson<Difference>(`/diff?${query}`).then(
    (found) => ({ found, refusal: null }),
    (error: unknown) => ({ found: null, refusal: error instanceof ApiError ? error.message : String(error) }),
  );
  if (comparedMs.peek() === fromMs && point.peek() === to) difference.value = answer;
}
