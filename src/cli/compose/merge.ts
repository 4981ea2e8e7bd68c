/** Merges compose files, and services that extend others, by the rules of the Compose Specification. Pure. */

export type Tree = { [name: string]: unknown };

/** Written as lists or as maps; merged by name. */
const namedLists = new Set(['environment', 'labels', 'annotations', 'extra_hosts', 'sysctls', 'args']);
/** A later one takes the place of the whole. */
const replaced = new Set(['command', 'entrypoint', 'test']);
/** Merged by the path in the container. */
const byTarget = new Set(['volumes', 'devices']);

/** What `over` says wins; lists are joined, maps merged. */
export function mergeTrees(base: Tree, over: Tree): Tree {
  const merged: Tree = { ...base };
  for (const [name, value] of Object.entries(over)) merged[name] = mergeMember(name, merged[name], value);
  return merged;
}

function mergeMember(name: string, base: unknown, over: unknown): unknown {
  if (base === undefined || base === null || replaced.has(name)) return over;
  if (over === null) return base;
  if (namedLists.has(name)) return { ...toMap(base), ...toMap(over) };
  if (name === 'depends_on') return { ...toDependencies(base), ...toDependencies(over) };
  if (Array.isArray(base) && Array.isArray(over)) return joinLists(name, base, over);
  if (isTree(base) && isTree(over)) return mergeTrees(base, over);
  return over;
}

function joinLists(name: string, base: unknown[], over: unknown[]): unknown[] {
  if (!byTarget.has(name)) {
    const known = new Set(base.map((item) => JSON.stringify(item)));
    return [...base, ...over.filter((item) => !known.has(JSON.stringify(item)))];
  }
  const byPath = new Map([...base, ...over].map((item) => [targetOf(item), item]));
  return [...byPath.values()];
}

const targetOf = (item: unknown): unknown =>
  typeof item === 'string' ? (item.split(':')[1] ?? item) : isTree(item) ? item.target : item;

export const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `["A=1", "B"]` and `{A: 1, B: null}` are the same: a name alone has no value. */
export function toMap(value: unknown): Record<string, string | null> {
  if (Array.isArray(value)) {
    return Object.fromEntries(
      value.map((item) => {
        const text = String(item);
        const end = text.search(/[=]/);
        return end < 0 ? [text, null] : [text.slice(0, end), text.slice(end + 1)];
      }),
    );
  }
  if (!isTree(value)) return {};
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, member === null ? null : String(member)]),
  );
}

export type Dependency = { condition: string; required?: boolean };

export function toDependencies(value: unknown): Record<string, Dependency> {
  if (Array.isArray(value)) return Object.fromEntries(value.map((name) => [name, { condition: 'service_started' }]));
  return isTree(value) ? (value as Record<string, Dependency>) : {};
}
