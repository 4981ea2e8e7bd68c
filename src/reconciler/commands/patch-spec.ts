/** Owns what a partial edit makes of a container spec. Pure. */

import { AppError } from '../../errors.ts';
import type { ContainerSpec, EnvEntry } from '../../model/service.ts';

/** More names than this in env or labels is a file in the wrong place; it also keeps a spec far below an append's bound. */
export const openMapEntriesMax = 256;

/** A member present replaces the old one; of the open maps each name by itself, `removed` takes a name out. */
export type ContainerPatch = Partial<Omit<ContainerSpec, 'env' | 'labels' | 'resources'>> & {
  env?: readonly (EnvEntry | Removed)[];
  labels?: readonly (ContainerSpec['labels'][number] | Removed)[];
  resources?: Partial<ContainerSpec['resources']>;
};

export type Removed = { name: string; removed: true };

/** @throws AppError `service_too_large` (details.field, .rule): the merged map is over its bound */
export function patchContainer(spec: ContainerSpec, patch: ContainerPatch): ContainerSpec {
  return {
    ...spec,
    ...patch,
    env: patchMap('env', spec.env, patch.env),
    labels: patchMap('labels', spec.labels, patch.labels),
    resources: { ...spec.resources, ...patch.resources },
  };
}

function patchMap<E extends { name: string }>(
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
    const rule = `at most ${openMapEntriesMax} names, those it has already included`;
    throw new AppError('service_too_large', `container.${field}: ${rule}`, {
      details: { field: `container.${field}`, rule },
    });
  }
  return sortByName([...byName.values()]);
}

/** Open maps are stored sorted by UTF-16 code unit, so that equal specs have equal bytes. */
export function sortByName<E extends { name: string }>(entries: E[]): E[] {
  return entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
