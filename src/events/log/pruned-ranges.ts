/** What a page of events says about pruned ones: a range of positions between two events. Pure. */

import type { PrunedRange } from './event-log.ts';

export type PrunedRanges = {
  /** Positions that were emptied come next, in the direction of the page. */
  add(range: PrunedRange): void;
  /** An event of the page comes next. */
  addEvent(): void;
  all(): PrunedRange[];
  /** Without what lies behind the last event: it belongs to the next page. */
  upToLastEvent(): PrunedRange[];
};

export function createPrunedRanges(): PrunedRanges {
  const ranges: PrunedRange[] = [];
  /** No event came since the last range. */
  let isOpen = false;
  return {
    add({ from, to }) {
      const last = ranges.at(-1);
      if (isOpen && last) {
        last.from = Math.min(last.from, from);
        last.to = Math.max(last.to, to);
      } else ranges.push({ from, to });
      isOpen = true;
    },
    addEvent() {
      isOpen = false;
    },
    all: () => ranges,
    upToLastEvent: () => (isOpen ? ranges.slice(0, -1) : ranges),
  };
}
