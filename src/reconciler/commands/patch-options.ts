/** Applies a partial edit to the options of a container. The options of a new spec are an edit of none. Pure. */

import { AppError } from '../../errors.ts';
import { canonicalJson } from '../../events/schema/canonical-json.ts';
import {
  type ContainerOptions,
  type Dns,
  type FileLogging,
  type Logging,
  loggingDefault,
  type OptionName,
  optionDefaults,
  optionNames,
} from '../../model/container-options.ts';
import { patchEntries, type Removed } from './named-entries.ts';

type MapName = 'ulimits' | 'sysctls' | 'extraHosts';
type MapEntry<K extends MapName> = NonNullable<ContainerOptions[K]>[number];

/** A member that is present replaces the old one, null is the default again. Maps are merged by name; `dns` and `logging` by member. */
export type OptionsPatch = {
  [K in Exclude<OptionName, MapName | 'dns' | 'logging'>]?: ContainerOptions[K] | null;
} & { [K in MapName]?: readonly (MapEntry<K> | Removed)[] | null } & {
  dns?: Partial<Dns> | null;
  logging?: LoggingPatch | null;
};

export type LoggingPatch = Partial<Omit<FileLogging, 'driver'>> & { driver?: Logging['driver'] };

/**
 * @param field of the request that has the options; a refusal names it
 * @returns the options and no other member; what is as by default is absent, so that equal specs have equal bytes
 * @throws AppError `service_too_large` · `body_contradictory` (details.field, .rule)
 */
export function patchOptions(options: ContainerOptions, patch: OptionsPatch, field: string): ContainerOptions {
  const { ulimits, sysctls, extraHosts, dns, logging, ...others } = patch;
  const entries = <E extends { name: string }>(
    name: MapName,
    before: readonly E[] = [],
    changes: readonly (E | Removed)[] | null | undefined,
  ) => (changes === null ? null : patchEntries(`${field}.${name}`, before, changes));
  return withoutDefaults({
    ...options,
    ...others,
    ulimits: entries('ulimits', options.ulimits, ulimits),
    sysctls: entries('sysctls', options.sysctls, sysctls),
    extraHosts: entries('extraHosts', options.extraHosts, extraHosts),
    dns: dns === null ? null : { ...optionDefaults.dns, ...options.dns, ...dns },
    logging: logging === null ? null : patchLogging(options.logging, logging, `${field}.logging`),
  });
}

function patchLogging(before: Logging = loggingDefault, patch: LoggingPatch = {}, field: string): Logging {
  const { driver = before.driver, ...sizes } = patch;
  if (driver !== 'none') return { ...loggingDefault, ...before, ...sizes, driver };
  const [size] = Object.keys(sizes);
  if (size === undefined) return { driver };
  const rule = 'does not go with the driver none, which keeps nothing';
  throw new AppError('body_contradictory', `${field}.${size} ${rule}`, {
    details: { field: `${field}.${size}`, rule },
  });
}

type Optional = { [K in OptionName]?: ContainerOptions[K] | null };

function withoutDefaults(options: Optional): ContainerOptions {
  const defaults: ContainerOptions = optionDefaults;
  const isDefault = (name: OptionName) => canonicalJson(options[name]) === canonicalJson(defaults[name] ?? null);
  const set = optionNames.filter((name) => options[name] != null && !isDefault(name));
  return Object.fromEntries(set.map((name) => [name, options[name]])) as ContainerOptions;
}
