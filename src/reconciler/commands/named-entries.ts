/** Open maps as they are stored: entries with names, sorted by them, changed one by one. Pure. */

import { AppError } from '../../errors.ts';

/** Entries of env, of labels and the like. Keeps a spec far below the limit of an append; more belong into a file of the image. */
export const openMapEntriesMax = 256;

export type Removed = { name: string; removed: true };

/**
 * @param field of the request; a refusal names it
 * @throws AppError `service_too_large` (details.field, .rule): the merged map has too many entries
 */
export function patchEntries<E extends { name: string }>(
  field: string,
  entries: readonly E[],
  changes: readonly (E | Removed)[] = [],
): E[] {
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  for (const change of changes) {
    if ('removed' in change) byName.delete(change.name);
    else byName.set(change.name, change);
  }
  if (byName.size > openMapEntriesMax) {
    const rule = `at most ${openMapEntriesMax} names, including those it has already`;
    throw new AppError('service_too_large', `${field}: ${rule}`, { details: { field, rule } });
  }
  return sortByName([...byName.values()]);
}

/** By UTF-16 code unit, so that equal specs have equal bytes. */
export function sortByName<E extends { name: string }>(entries: E[]): E[] {
  return entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
