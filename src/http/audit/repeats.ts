/** Counts refused calls that are like earlier ones of the same flush in the record of the last: a flood takes few records. */

/** A record on its way into the log. `count`: how many calls it stands for; absent: one. */
type Countable = { count?: number };

export type Repeats = {
  /** Whether the call was counted in an earlier record, and needs none of its own. */
  count(key: string): boolean;
  /** A call with a record of its own. */
  add(key: string, record: Countable): void;
  clear(): void;
};

/** Enough to see what was tried. */
const recordsPerKeyMax = 10;

export function createRepeats(): Repeats {
  const seen = new Map<string, { records: number; last: Countable }>();
  return {
    count(key) {
      const found = seen.get(key);
      if (!found || found.records < recordsPerKeyMax) return false;
      found.last.count = (found.last.count ?? 1) + 1;
      return true;
    },
    add(key, last) {
      seen.set(key, { records: (seen.get(key)?.records ?? 0) + 1, last });
    },
    clear: () => seen.clear(),
  };
}
