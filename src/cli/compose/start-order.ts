/** In which order the services of a file are first started: what others depend on comes before them. Pure. */

import { AppError } from '../../errors.ts';

/**
 * Groups that are started one after the other; all of a group at once.
 * @param dependencies by service; those on services that are not in it count as met
 * @throws AppError `usage_invalid`: they go round in a circle
 */
export function startGroups(dependencies: ReadonlyMap<string, readonly string[]>): string[][] {
  const groups: string[][] = [];
  const started = new Set<string>();
  while (started.size < dependencies.size) {
    const group = [...dependencies.keys()].filter(
      (name) =>
        !started.has(name) && dependencies.get(name)!.every((other) => started.has(other) || !dependencies.has(other)),
    );
    if (group.length === 0) {
      const rest = [...dependencies.keys()].filter((name) => !started.has(name));
      throw new AppError('usage_invalid', `depends_on goes round in a circle: ${rest.join(', ')}`);
    }
    for (const name of group) started.add(name);
    groups.push(group);
  }
  return groups;
}
