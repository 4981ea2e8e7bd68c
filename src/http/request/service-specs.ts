/** Converts between request bodies and stored specs: defaults, units, maps as sorted lists. Pure. */

import { pausedGraceSecondsDefault } from '../../model/health.ts';
import { pullPolicyDefault } from '../../model/image.ts';
import type { ContainerSpec, EnvEntry } from '../../model/service.ts';
import type { PolicyPatch, SpecRequest } from '../../reconciler/commands/decide.ts';
import { type Removed, sortByName } from '../../reconciler/commands/named-entries.ts';
import { patchOptions } from '../../reconciler/commands/patch-options.ts';
import { type ContainerPatch, patchResources, withoutOptions } from '../../reconciler/commands/patch-spec.ts';
import { assertPolicy } from '../../reconciler/commands/policy-rules.ts';
import { refuseField } from '../response/problem.ts';
import { toOptionsBody, toOptionsPatch, toResourcesBody, toResourcesPatch } from './container-options.ts';
import { toHealth, toPolicy, toPolicyPatch } from './release-specs.ts';
import type { ContainerBody, ContainerPatchBody, PatchBody, ServiceBody } from './service-schema.ts';

const stopTimeoutSecondsDefault = 10;

/** @throws AppError `body_contradictory`: a name or a port occurs twice · `image_refused`: see `checkImage` */
export function toServiceSpecs(services: readonly ServiceBody[]): SpecRequest[] {
  const seen = new Set<string>();
  return services.map(({ serviceName, replicas, container, health, ...policies }, index) => {
    const path = `services[${index}]`;
    if (seen.has(serviceName))
      throw refuseField('body_contradictory', `${path}.serviceName`, 'occurs twice in the body');
    seen.add(serviceName);
    const spec = {
      service: serviceName,
      replicas: replicas ?? null,
      container: {
        ...toSpec(container, serviceName, `${path}.container`),
        ...(health ? { health: toHealth(health, `${path}.health`) } : {}),
      },
      ...toPolicy(policies, `${path}.`),
    };
    assertPolicy(spec, `${path}.`, policies);
    return spec;
  });
}

function toSpec(body: ContainerBody, serviceName: string, path: string): ContainerSpec {
  return {
    name: body.name ?? serviceName,
    image: checkImage(body.image, `${path}.image`),
    command: toCommand(body, path) ?? null,
    args: body.args ?? null,
    env: sortByName(Object.entries(body.env ?? {}).map(([name, value]) => toEnvEntry(name, value))),
    ports: toPorts(body.ports ?? [], path),
    labels: sortByName(Object.entries(body.labels ?? {}).map(([name, value]) => ({ name, value }))),
    resources: patchResources(unlimitedResources, toResourcesPatch(body.resources ?? {}, path)),
    stopTimeoutSeconds: body.stopTimeoutSeconds ?? stopTimeoutSecondsDefault,
    ...patchOptions({}, toOptionsPatch(body, path), path),
    ...pullOf(body),
    ...pausedGraceOf(body),
  };
}

const unlimitedResources = { memoryBytes: null, cpuMillis: null };

/** undefined: neither is given. @throws AppError `body_contradictory` */
function toCommand({ command, entrypoint }: ContainerBody | ContainerPatchBody, path: string) {
  if (command !== undefined && entrypoint !== undefined) {
    throw refuseField('body_contradictory', `${path}.entrypoint`, 'is another name of command: give one of them');
  }
  return command ?? entrypoint;
}

/** The default is not stored: a spec that names it is the same as one that does not. */
const pullOf = ({ pull = pullPolicyDefault }: Pick<ContainerBody, 'pull'>) =>
  pull === pullPolicyDefault ? {} : { pull };

const pausedGraceOf = ({
  pausedGraceSeconds = pausedGraceSecondsDefault,
}: Pick<ContainerBody, 'pausedGraceSeconds'>) =>
  pausedGraceSeconds === pausedGraceSecondsDefault ? {} : { pausedGraceSeconds };

/** @throws AppError `body_contradictory`: a port occurs twice · `image_refused`: see `checkImage` */
export function toPatch(body: PatchBody): { replicas?: number; container?: ContainerPatch; policy: PolicyPatch } {
  const { replicas, container, health, ...policies } = body;
  const patch: ContainerPatch = {
    ...(container === undefined ? {} : toContainerPatch(container)),
    ...(health === undefined ? {} : { health: health && toHealth(health, 'health') }),
  };
  return {
    ...(replicas === undefined ? {} : { replicas }),
    ...(Object.keys(patch).length === 0 ? {} : { container: patch }),
    policy: toPolicyPatch(policies),
  };
}

function toContainerPatch(body: ContainerPatchBody): ContainerPatch {
  const { entrypoint: _otherName, env, labels, ports, resources, ...others } = body;
  const command = toCommand(body, 'container');
  const patch: ContainerPatch = { ...withoutOptions(others), ...toOptionsPatch(body, 'container') };
  if (command !== undefined) patch.command = command;
  if (patch.image !== undefined) checkImage(patch.image, 'container.image');
  if (ports) patch.ports = toPorts(ports, 'container');
  if (env) {
    patch.env = Object.entries(env).map(([name, value]) => (value === null ? removed(name) : toEnvEntry(name, value)));
  }
  if (labels) {
    patch.labels = Object.entries(labels).map(([name, value]) => (value === null ? removed(name) : { name, value }));
  }
  if (resources) patch.resources = toResourcesPatch(resources, 'container');
  return patch;
}

const removed = (name: string): Removed => ({ name, removed: true });

function toEnvEntry(name: string, value: string | { secret: string }): EnvEntry {
  return typeof value === 'string' ? { name, value } : { name, secret: value.secret };
}

function toPorts(ports: NonNullable<ContainerBody['ports']>, path: string): ContainerSpec['ports'] {
  const seen = new Set<string>();
  const mapped = ports.map(({ container, host = null, protocol = 'tcp' }, index) => {
    // A port of the container may have several host ports; a host port leads to one.
    const key = host === null ? `any of ${container}/${protocol}` : `${host}/${protocol}`;
    if (seen.has(key)) throw refuseField('body_contradictory', `${path}.ports[${index}]`, 'occurs twice');
    seen.add(key);
    return { container, host, protocol };
  });
  const orderOf = ({ protocol, host }: (typeof mapped)[number]) => `${protocol} ${String(host ?? 0).padStart(5, '0')}`;
  return mapped.sort((a, b) => a.container - b.container || (orderOf(a) < orderOf(b) ? -1 : 1));
}

/** The engine counts the host, and neither tag nor digest. */
const imageNameMax = 255;

/** Rules of the engine that the form of a reference does not show. @throws AppError `image_refused` */
function checkImage(image: string, field: string): string {
  const name = image.replace(/@.*$/, '').replace(/:[^:/]*$/, '');
  if (name.length > imageNameMax) {
    throw refuseField(
      'image_refused',
      field,
      `has a name of ${name.length} characters; the engine takes ${imageNameMax}`,
    );
  }
  if (/^[0-9a-f]{64}$/.test(name)) {
    throw refuseField('image_refused', field, 'is 64 hexadecimal digits: the engine takes that for an id, not a name');
  }
  return image;
}

/** The container spec as a request body, such that POSTing it again changes nothing. */
export function toContainerBody(spec: ContainerSpec): ContainerBody {
  return {
    name: spec.name,
    image: spec.image,
    ...(spec.command ? { command: spec.command } : {}),
    ...(spec.args ? { args: spec.args } : {}),
    env: Object.fromEntries(
      spec.env.map((entry) => [entry.name, 'secret' in entry ? { secret: entry.secret } : entry.value]),
    ),
    ports: spec.ports.map((port) => ({ ...port })),
    labels: Object.fromEntries(spec.labels.map(({ name, value }) => [name, value])),
    resources: toResourcesBody(spec.resources),
    stopTimeoutSeconds: spec.stopTimeoutSeconds,
    ...toOptionsBody(spec),
    ...(spec.pull ? { pull: spec.pull } : {}),
    ...(spec.pausedGraceSeconds === undefined ? {} : { pausedGraceSeconds: spec.pausedGraceSeconds }),
  };
}
