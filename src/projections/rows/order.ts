/** The orders of lists. Independent of locale, so that equal views give equal bytes. */

/** By code units: names are ASCII. */
export function compareNames(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A name is at most this long, so its numbers are too. */
const digitsMax = 63;

/** Natural order: worker-2 before worker-10. Returns a new array. */
export function sortNatural<T>(items: Iterable<T>, nameOf: (item: T) => string): T[] {
  const keyed = Array.from(items, (item) => {
    const name = nameOf(item);
    return { item, name, key: name.replace(/\d+/g, (digits) => digits.padStart(digitsMax, '0')) };
  });
  keyed.sort((a, b) => compareNames(a.key, b.key) || compareNames(a.name, b.name));
  return keyed.map(({ item }) => item);
}
