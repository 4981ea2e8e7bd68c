/** Converts the options of a container between requests and what is stored: units, maps as sorted lists, names in one form. Pure. */

import {
  addableCapabilities,
  type ContainerOptions,
  droppableCapabilities,
  type SysctlName,
  sysctls,
  tmpfsDefaults,
  type UlimitName,
} from '../../model/container-options.ts';
import type { Resources } from '../../model/resources.ts';
import type { Removed } from '../../reconciler/commands/named-entries.ts';
import type { OptionsPatch } from '../../reconciler/commands/patch-options.ts';
import type { ResourcesPatch } from '../../reconciler/commands/patch-spec.ts';
import { refuseField } from '../response/problem.ts';
import type { OptionsBody, OptionsPatchBody, ResourcesBody } from './options-schema.ts';
import { refusalOfCapability } from './refused-options.ts';

/**
 * A new spec is an edit of one without options.
 * @param path of the container in the body
 * @throws AppError `option_refused`
 */
export function toOptionsPatch(body: OptionsBody | OptionsPatchBody, path: string): OptionsPatch {
  const { tmpfs, capAdd, capDrop, ulimits, sysctls, extraHosts, binds, devices, ...plain } = body;
  const { user, workdir, init, readOnly, stopSignal, dns, hostname, logging, pidsLimit, shmSizeBytes } = plain;
  const patch = {
    ...{ user, workdir, init, readOnly, stopSignal, dns, hostname, logging, pidsLimit, shmSizeBytes },
    tmpfs: tmpfs && sortBy(tmpfs.map(toTmpfs), ({ path }) => path),
    capAdd:
      capAdd && toCapabilities(capAdd, addableCapabilities, { field: `${path}.capAdd`, describe: refusalOfCapability }),
    capDrop:
      capDrop && toCapabilities(capDrop, droppableCapabilities, { field: `${path}.capDrop`, describe: describeNotHad }),
    ulimits: ulimits && toEntries(ulimits, (name, limit) => ({ name: name as UlimitName, ...limit })),
    sysctls: sysctls && toEntries(sysctls, (name, value) => toSysctl(name as SysctlName, value, `${path}.sysctls`)),
    extraHosts: extraHosts && toEntries(extraHosts, (name, address) => ({ name, address })),
    binds:
      binds &&
      sortBy(
        binds.map(({ source, target, readOnly = false }) => ({ source, target, readOnly })),
        ({ target }) => target,
      ),
    devices: devices && [...devices].sort(),
  };
  return Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined)) as OptionsPatch;
}

const sortBy = <T>(items: T[], keyOf: (item: T) => string): T[] =>
  items.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : keyOf(a) > keyOf(b) ? 1 : 0));

const toTmpfs = ({ path, sizeBytes, mode }: NonNullable<OptionsBody['tmpfs']>[number]) => ({
  path,
  sizeBytes: sizeBytes ?? tmpfsDefaults.sizeBytes,
  mode: (mode ?? tmpfsDefaults.mode).padStart(4, '0'),
});

/** As Docker writes them: without CAP_, each once. @param describe why one that is not known is refused */
function toCapabilities<S extends string>(
  given: readonly string[],
  known: readonly S[],
  { field, describe }: { field: string; describe: (name: string) => string },
): S[] {
  const names = given.map((name) => name.replace(/^CAP_/, ''));
  const isKnown = (name: string): name is S => known.some((one) => one === name);
  const refused = names.find((name) => !isKnown(name));
  if (refused !== undefined) {
    const rule = `cannot have ${refused}: ${describe(refused)}. It may have ${known.join(', ')}`;
    throw refuseField('option_refused', field, rule);
  }
  return [...new Set(names.filter(isKnown))].sort();
}

const describeNotHad = (name: string) => `no container has ${name}`;

/** `V | null` of a map: null takes the name out. */
function toEntries<V, E extends { name: string }>(
  map: { readonly [name: string]: V | null } | Partial<Record<string, V | null>>,
  toEntry: (name: string, value: V) => E,
): (E | Removed)[] {
  return Object.entries(map).map(([name, value]) =>
    value == null ? { name, removed: true } : toEntry(name, value as V),
  );
}

function toSysctl(name: SysctlName, given: string | number, field: string) {
  const value = String(given);
  const count = sysctls[name];
  if (value.split(' ').length !== count) {
    throw refuseField(
      'option_refused',
      `${field}.${name}`,
      `must be ${count === 1 ? 'one number' : `${count} numbers`}`,
    );
  }
  return { name, value };
}

/** As a request has them, such that sending them again changes nothing. */
export function toOptionsBody(spec: ContainerOptions): OptionsBody {
  const { ulimits, sysctls, extraHosts, ...plain } = spec;
  const { user, workdir, init, readOnly, tmpfs, capAdd, capDrop, stopSignal, dns, hostname, logging } = plain;
  const { pidsLimit, shmSizeBytes, binds, devices } = plain;
  const body = {
    ...{ user, workdir, init, readOnly, tmpfs, capAdd, capDrop },
    ulimits: ulimits && Object.fromEntries(ulimits.map(({ name, ...limit }) => [name, limit])),
    sysctls: sysctls && Object.fromEntries(sysctls.map(({ name, value }) => [name, value])),
    extraHosts: extraHosts && Object.fromEntries(extraHosts.map(({ name, address }) => [name, address])),
    ...{ stopSignal, dns, hostname, logging, pidsLimit, shmSizeBytes, binds, devices },
  };
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined)) as OptionsBody;
}

/** @throws AppError `body_contradictory`: a limit is given twice */
export function toResourcesPatch({ limit, reserve, ...amounts }: ResourcesBody, path: string): ResourcesPatch {
  const repeated = Object.keys(limit ?? {}).find((name) => Object.hasOwn(amounts, name));
  if (repeated !== undefined) {
    const rule = `is given as resources.${repeated}, too: both are the limit`;
    throw refuseField('body_contradictory', `${path}.resources.limit.${repeated}`, rule);
  }
  return {
    ...toAmounts({ ...amounts, ...limit }),
    ...(reserve === undefined ? {} : { reserve: reserve && toAmounts(reserve) }),
  };
}

type Amounts = Pick<ResourcesBody, 'memoryBytes' | 'cpus'>;

const toAmounts = ({ memoryBytes, cpus }: Amounts) => ({
  ...(memoryBytes === undefined ? {} : { memoryBytes }),
  ...(cpus === undefined ? {} : { cpuMillis: cpus === null ? null : Math.round(cpus * 1000) }),
});

export function toResourcesBody({ reserve, ...limits }: Resources): ResourcesBody {
  return { ...toAmountsBody(limits), ...(reserve ? { reserve: toAmountsBody(reserve) } : {}) };
}

const toAmountsBody = ({ memoryBytes, cpuMillis }: Omit<Resources, 'reserve'>): Amounts => ({
  ...(memoryBytes === null ? {} : { memoryBytes }),
  ...(cpuMillis === null ? {} : { cpus: cpuMillis / 1000 }),
});
