/** Refuses specs whose members contradict each other: what no member shows by itself. Pure. */

import { AppError } from '../../errors.ts';
import { type ContainerOptions, unlimited } from '../../model/container-options.ts';
import type { Resources } from '../../model/resources.ts';
import type { ContainerSpec } from '../../model/service.ts';

/** `member`: of the container spec. */
type Contradiction = { member: string; rule: string };

/**
 * @param field the member of the request that is the container spec
 * @throws AppError `body_contradictory` (details.field, .rule)
 */
export function assertOptions(spec: ContainerSpec, field: string): void {
  const [found] = [
    ...contradictionsOfResources(spec.resources),
    ...contradictionsOfUlimits(spec),
    ...contradictionsOfCapabilities(spec),
    ...contradictionsOfMounts(spec),
  ];
  if (!found) return;
  const { member, rule } = found;
  const path = `${field}.${member}`;
  throw new AppError('body_contradictory', `${path} ${rule}`, { details: { field: path, rule } });
}

function contradictionsOfResources({ memoryBytes, cpuMillis, reserve }: Resources): Contradiction[] {
  const found: Contradiction[] = [];
  const exceeds = (amount: number | null | undefined, limit: number | null) => limit !== null && (amount ?? 0) > limit;
  if (exceeds(reserve?.memoryBytes, memoryBytes)) {
    found.push({ member: 'resources.reserve.memoryBytes', rule: `must be at most the limit, which is ${memoryBytes}` });
  }
  if (exceeds(reserve?.cpuMillis, cpuMillis)) {
    found.push({ member: 'resources.reserve.cpus', rule: `must be at most the limit, which is ${cpuMillis! / 1_000}` });
  }
  return found;
}

const contradictionsOfUlimits = ({ ulimits = [] }: ContainerOptions): Contradiction[] =>
  ulimits
    .filter(({ soft, hard }) => hard !== unlimited && (soft === unlimited || soft > hard))
    .map(({ name, hard }) => ({ member: `ulimits.${name}.soft`, rule: `must be at most hard, which is ${hard}` }));

/** All dropped and some added is how a container is given those and no others. */
const contradictionsOfCapabilities = ({ capAdd = [], capDrop = [] }: ContainerOptions): Contradiction[] =>
  capAdd
    .filter((name) => capDrop.some((dropped) => dropped === name))
    .map((name) => ({ member: 'capAdd', rule: `has ${name}, which capDrop has, too` }));

function contradictionsOfMounts({ tmpfs = [], binds = [], devices = [] }: ContainerOptions): Contradiction[] {
  const seen = new Set<string>();
  const repeated = (member: string) => (path: string) => {
    const isRepeated = seen.has(path);
    seen.add(path);
    return isRepeated ? [{ member, rule: `mounts ${path}, where something is mounted already` }] : [];
  };
  return [
    ...tmpfs.map(({ path }) => path).flatMap(repeated('tmpfs')),
    ...binds.map(({ target }) => target).flatMap(repeated('binds')),
    ...devices
      .filter((device, index) => devices.indexOf(device) !== index)
      .map((device) => ({ member: 'devices', rule: `has ${device} twice` })),
  ];
}
