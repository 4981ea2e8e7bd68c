/** Time that passes only when a simulation moves it, and what is due in it, in order. */

import TinyQueue from 'tinyqueue';

export type VirtualTime = {
  nowMs(): number;
  /** Since the beginning. */
  elapsedMs(): number;
  /** What is due at the same time runs in the order of these calls. */
  at(atMs: number, run: () => void): void;
  /** null: nothing is due. */
  nextDueMs(): number | null;
  moveTo(atMs: number): void;
  /** Runs what is due by now, also what becomes due meanwhile; each `next()` one of it. */
  runDue(): Generator<void, void, void>;
};

type Due = { atMs: number; order: number; run: () => void };

export function createVirtualTime(beginMs: number): VirtualTime {
  const due = new TinyQueue<Due>([], (a, b) => a.atMs - b.atMs || a.order - b.order);
  let nowMs = beginMs;
  let order = 0;
  return {
    nowMs: () => nowMs,
    elapsedMs: () => nowMs - beginMs,
    at(atMs, run) {
      order += 1;
      due.push({ atMs, order, run });
    },
    nextDueMs: () => due.peek()?.atMs ?? null,
    moveTo(atMs) {
      nowMs = atMs;
    },
    *runDue() {
      for (let next = due.peek(); next && next.atMs <= nowMs; next = due.peek()) {
        due.pop()!.run();
        yield;
      }
    },
  };
}
