/**
 * Owns where in a file some of its commits begin: every so many, so that memory stays the same however long the file is.
 * Knows no file.
 */

import { emptyHead, type LogHead } from '../events/event-log.ts';

/** A commit and the byte it begins at. */
export type Place = { slot: number; first: number; at: string; offset: number };

export type Places = {
  /** The next commit. */
  add(place: Place): void;
  setHead(head: LogHead): void;
  head(): LogHead;
  /** Where a commit begins that is read soon, as far as is known. */
  remember(place: Pick<Place, 'slot' | 'offset'>): void;
  /** The nearest place known that is not after a commit; the first when there is none. */
  before(wanted: { slot: number } | { position: number } | { time: string }): Pick<Place, 'slot' | 'offset'>;
};

/** Some megabytes. Beyond it every second one is dropped. */
const placesMax = 32_768;

export function createPlaces({ max = placesMax } = {}): Places {
  let places: Place[] = [];
  let every = 1;
  let head = emptyHead;
  let next: Pick<Place, 'slot' | 'offset'> | null = null;

  return {
    add({ slot, first, at, offset }) {
      if ((slot - 1) % every !== 0) return;
      places.push({ slot, first, at, offset });
      if (places.length < max) return;
      every *= 2;
      places = places.filter((place) => (place.slot - 1) % every === 0);
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
      let [low, high] = [0, places.length - 1];
      while (low < high) {
        const middle = Math.ceil((low + high) / 2);
        if (isNotAfter(places[middle]!)) low = middle;
        else high = middle - 1;
      }
      return places[low]!;
    },
  };
}
