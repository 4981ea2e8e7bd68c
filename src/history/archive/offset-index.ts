/**
 * An index of where in a file some of its commits begin, and what they and those up to the next place are about: every so many,
 * so that memory stays the same however long the file is. Knows no file.
 */

import { emptyHead, type LogHead } from '../../events/log/event-log.ts';
import { addMark, type Marks, mayBeAbout, mergeMarks, noMarks } from './bloom-filter.ts';

/** A commit and the byte it begins at. */
export type Place = { slot: number; first: number; at: string; offset: number };

/** `afterSlot + 1 … toSlot` */
export type Slots = { afterSlot: number; toSlot: number };

export type Places = {
  /** The next commit, and what it is about. */
  add(place: Place, subjects: Iterable<string>): void;
  setHead(head: LogHead): void;
  head(): LogHead;
  /** Where a commit begins that is read soon, as far as is known. */
  remember(place: Pick<Place, 'slot' | 'offset'>): void;
  /** The nearest place known that is not after a commit; the first when there is none. */
  /** The last commit whose time is before that of the one before it: a clock was corrected. 0: there is none. */
  lastCorrection(): number;
  before(wanted: { slot: number } | { position: number } | { time: string }): Pick<Place, 'slot' | 'offset'>;
  /** The parts of a range outside of which nothing is about any of the subjects, in order; null: about anything. */
  partsAbout(subjects: readonly string[] | null, range: Slots): Slots[];
};

type Marked = Place & { marks: Marks };

/** Some ten megabytes. Beyond it every second one is dropped. */
const placesMax = 32_768;

export function createPlaces({ max = placesMax } = {}): Places {
  let places: Marked[] = [];
  let every = 1;
  let head = emptyHead;
  let latest = emptyHead.at;
  let lastCorrection = 0;
  let next: Pick<Place, 'slot' | 'offset'> | null = null;

  return {
    lastCorrection: () => lastCorrection,
    add({ slot, first, at, offset }, subjects) {
      if (at < latest) lastCorrection = slot;
      latest = at;
      if ((slot - 1) % every === 0) places.push({ slot, first, at, offset, marks: noMarks() });
      const { marks } = places.at(-1)!;
      for (const subject of subjects) addMark(marks, subject);
      if (places.length < max) return;
      every *= 2;
      places = dropBetween(places, every);
    },
    setHead(last) {
      head = last;
    },
    head: () => head,
    remember(place) {
      next = place;
    },
    before(wanted) {
      if ('slot' in wanted && next?.slot === wanted.slot) return next;
      const isNotAfter = (place: Place) => {
        if ('slot' in wanted) return place.slot <= wanted.slot;
        return 'position' in wanted ? place.first <= wanted.position : place.at <= wanted.time;
      };
      // Times do not rise throughout where a clock was corrected.
      if ('time' in wanted && lastCorrection > 0) return places.findLast(isNotAfter) ?? places[0]!;
      let [low, high] = [0, places.length - 1];
      while (low < high) {
        const middle = Math.ceil((low + high) / 2);
        if (isNotAfter(places[middle]!)) low = middle;
        else high = middle - 1;
      }
      return places[low]!;
    },
    partsAbout(subjects, { afterSlot, toSlot }) {
      if (subjects === null) return afterSlot < toSlot ? [{ afterSlot, toSlot }] : [];
      const mayBe = mayBeAbout(subjects);
      const parts: Slots[] = [];
      for (const [index, { slot, marks }] of places.entries()) {
        const begin = Math.max(afterSlot, slot - 1);
        const end = Math.min(toSlot, (places[index + 1]?.slot ?? head.slot + 1) - 1);
        if (begin >= end || !mayBe(marks)) continue;
        const last = parts.at(-1);
        if (last?.toSlot === begin) last.toSlot = end;
        else parts.push({ afterSlot: begin, toSlot: end });
      }
      return parts;
    },
  };
}

/** Keeps a place every so many slots; each stands for those behind it, too. */
function dropBetween(places: readonly Marked[], every: number): Marked[] {
  const kept: Marked[] = [];
  for (const place of places) {
    if ((place.slot - 1) % every === 0) kept.push(place);
    else mergeMarks(kept.at(-1)!.marks, place.marks);
  }
  return kept;
}
