/** Applies a partial edit to a container spec. Pure. */

import { optionNames } from '../../model/container-options.ts';
import { type HealthCheck, pausedGraceSecondsDefault } from '../../model/health.ts';
import { pullPolicyDefault } from '../../model/image.ts';
import type { Reservation, Resources } from '../../model/resources.ts';
import type { ContainerSpec, EnvEntry } from '../../model/service.ts';
import { patchEntries, type Removed } from './named-entries.ts';
import { type OptionsPatch, patchOptions } from './patch-options.ts';

type Option = keyof OptionsPatch;
type Merged = Option | 'env' | 'labels' | 'resources' | 'health' | 'restarts';

/** A member that is present replaces the old one. Env and labels are merged by name; `removed` takes a name out. */
export type ContainerPatch = Partial<Omit<ContainerSpec, Merged>> &
  OptionsPatch & {
    /** null: the check of the image counts again. */
    health?: HealthCheck | null;
    env?: readonly (EnvEntry | Removed)[];
    labels?: readonly (ContainerSpec['labels'][number] | Removed)[];
    resources?: ResourcesPatch;
  };

/** `reserve` null: as much as the limits again. */
export type ResourcesPatch = Partial<Omit<Resources, 'reserve'>> & { reserve?: Partial<Reservation> | null };

/**
 * @param field of the request; a refusal names it
 * @throws AppError as `patchEntries` and `patchOptions` do
 */
export function patchContainer(spec: ContainerSpec, patch: ContainerPatch, field: string): ContainerSpec {
  const { health = spec.health, pull = spec.pull, pausedGraceSeconds = spec.pausedGraceSeconds } = patch;
  const { env, labels, resources, ...members } = withoutDefaulted(patch);
  const others = withoutDefaulted(spec);
  return {
    ...withoutOptions(others),
    ...withoutOptions(members),
    ...patchOptions(spec, patch, field),
    ...(health ? { health } : {}),
    // The default is not stored: a spec that names it is the same as one that does not.
    ...(pull && pull !== pullPolicyDefault ? { pull } : {}),
    ...(pausedGraceSeconds === undefined || pausedGraceSeconds === pausedGraceSecondsDefault
      ? {}
      : { pausedGraceSeconds }),
    env: patchEntries(`${field}.env`, spec.env, env),
    labels: patchEntries(`${field}.labels`, spec.labels, labels),
    resources: patchResources(spec.resources, resources),
  };
}

function withoutDefaulted<T extends ContainerPatch | ContainerSpec>(members: T) {
  const { health: _health, pull: _pull, pausedGraceSeconds: _grace, ...others } = members;
  return others;
}

/** The other members of a spec, or of an edit. */
export function withoutOptions<T extends object>(members: T): Omit<T, Option> {
  const names: ReadonlySet<string> = new Set(optionNames);
  return Object.fromEntries(Object.entries(members).filter(([name]) => !names.has(name))) as Omit<T, Option>;
}

/** A reserve of nothing is none. */
export function patchResources(resources: Resources, { reserve, ...limits }: ResourcesPatch = {}): Resources {
  const { reserve: before, ...others } = resources;
  const none = { memoryBytes: null, cpuMillis: null };
  const merged = reserve === null ? none : { ...none, ...before, ...reserve };
  const isReserved = merged.memoryBytes !== null || merged.cpuMillis !== null;
  return { ...others, ...limits, ...(isReserved ? { reserve: merged } : {}) };
}
