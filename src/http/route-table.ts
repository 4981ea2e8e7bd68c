/** Knows which methods a path has, to distinguish a wrong method from a wrong path. */

export type RouteTable = {
  add(methods: string | string[], pattern: string): void;
  /** Sorted; empty when no route has the path. */
  methodsOf(path: string): string[];
};

export function createRouteTable(): RouteTable {
  const routes: { methods: string[]; matches: RegExp }[] = [];

  return {
    add(methods, pattern) {
      const source = pattern
        .replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&')
        .replaceAll(/:[^/]+/g, '[^/]+')
        .replaceAll('*', '.*');
      routes.push({ methods: [methods].flat(), matches: new RegExp(`^${source}$`) });
    },
    methodsOf(path) {
      const matching = routes.filter(({ matches }) => matches.test(path)).flatMap(({ methods }) => methods);
      return [...new Set(matching)].sort();
    },
  };
}
