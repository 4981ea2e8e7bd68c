/**
 * The canonical text of a JSON value: RFC 8785. Sorting the keys and leaving numbers and strings to JSON.stringify is
 * exactly that for what the log holds: its objects have no keys that look like array indexes.
 */

/**
 * @param value JSON only; see event-check for what is refused before it comes here
 * @returns RFC 8785 text
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(sortKeys(value));
}

function sortKeys(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(sortKeys);
  const sorted: Record<string, unknown> = {};
  for (const key of Object.keys(value).sort()) sorted[key] = sortKeys((value as Record<string, unknown>)[key]);
  return sorted;
}
