/** Applies a partial edit to a container spec. Pure. */

import { AppError } from '../../errors.ts';
import type { HealthCheck } from '../../model/health.ts';
import { pullPolicyDefault } from '../../model/image.ts';
import type { ContainerSpec, EnvEntry } from '../../model/service.ts';

/** Entries of env, and of labels. Keeps a spec far below the limit of an append; more belong into a file of the image. */
export const openMapEntriesMax = 256;

/** A member that is present replaces the old one. Env and labels are merged by name; `removed` takes a name out. */
export type ContainerPatch = Partial<Omit<ContainerSpec, 'env' | 'labels' | 'resources' | 'health' | 'restarts'>> & {
  /** null: the check of the image counts again. */
  health?: HealthCheck | null;
  env?: readonly (EnvEntry | Removed)[];
  labels?: readonly (ContainerSpec['labels'][number] | Removed)[];
  resources?: Partial<ContainerSpec['resources']>;
};

export type Removed = { name: string; removed: true };

/** @throws AppError `service_too_large` (details.field, .rule): the merged map has too many entries */
export function patchContainer(spec: ContainerSpec, patch: ContainerPatch): ContainerSpec {
  const { health = spec.health, pull = spec.pull, ...members } = patch;
  const { health: _health, pull: _pull, ...others } = spec;
  return {
    ...others,
    ...members,
    ...(health ? { health } : {}),
    // The default is not stored: a spec that names it is the same as one that does not.
    ...(pull && pull !== pullPolicyDefault ? { pull } : {}),
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
    const rule = `at most ${openMapEntriesMax} names, including those it has already`;
    throw new AppError('service_too_large', `container.${field}: ${rule}`, {
      details: { field: `container.${field}`, rule },
    });
  }
  return sortByName([...byName.values()]);
}

/** Env and labels are stored sorted by UTF-16 code unit, so that equal specs have equal bytes. */
export function sortByName<E extends { name: string }>(entries: E[]): E[] {
  return entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
