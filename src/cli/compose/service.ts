/** A service of a compose file, merged and validated, as a request for one of ours. Pure. */

import { defined } from '../sources/defined.ts';
import { parseBytes } from '../sources/option-values.ts';
import type { ServiceRequest } from '../sources/spec-options.ts';
import { isTree, type Tree, toMap } from './merge.ts';
import { toMounts, toPorts } from './mounts.ts';
import { type Note, notesOfRest, notesOfService } from './notes.ts';
import { toHealth, toPolicies, toResources, toRestartOf } from './policies.ts';
import { toArguments, toList, toNumber, toSeconds } from './values.ts';

export type ConvertedService = { request: ServiceRequest; notes: Note[] };

/**
 * @param environment what env_file and environment come to
 * @param isJob another service waits for its end
 * @throws AppError `usage_invalid` naming the field
 */
export function toService(
  name: string,
  raw: Tree,
  { environment, isJob }: { environment: Readonly<Record<string, string>>; isJob: boolean },
): ConvertedService {
  const path = `services.${name}`;
  const { image, command, entrypoint, labels, ports, volumes, tmpfs, healthcheck, deploy, restart, ...more } = raw;
  const { mem_limit, mem_reservation, cpus, pids_limit, scale, pull_policy: pull, build, ...options } = more;
  // Read before: they are merged, ordered or chosen by.
  const {
    environment: _merged,
    env_file: _read,
    depends_on: _ordered,
    extends: _extended,
    profiles: _chosen,
    ...rest
  } = options;
  const container = toContainerOptions(path, rest);
  const mounts = toMounts(path, volumes, tmpfs);
  const published = toPorts(path, ports);
  const health = toHealth(path, healthcheck);
  const policies = toPolicies(path, deploy);
  const resources = toResources(path, deploy, defined({ mem_limit, mem_reservation, cpus, pids_limit }));
  const replicas =
    scale === undefined || policies.members.replicas !== undefined
      ? {}
      : { replicas: toNumber(`${path}.scale`, scale) };
  const pulling = toPull(path, pull);
  return {
    request: {
      serviceName: name,
      ...(isJob ? jobOf(policies.members) : { ...toRestartOf(restart), ...replicas, ...policies.members }),
      ...health.members,
      container: {
        ...defined({ image }),
        ...(entrypoint == null ? {} : { command: toArguments(`${path}.entrypoint`, entrypoint as string) }),
        ...(command == null ? {} : { args: toArguments(`${path}.command`, command as string) }),
        ...(Object.keys(environment).length === 0 ? {} : { env: environment }),
        ...(labels === undefined ? {} : { labels: toLabels(labels) }),
        ...(published.ports.length === 0 ? {} : { ports: published.ports }),
        ...(mounts.binds.length === 0 ? {} : { binds: mounts.binds }),
        ...(mounts.tmpfs.length === 0 ? {} : { tmpfs: mounts.tmpfs }),
        ...resources.members,
        ...(resources.pids === undefined ? {} : { pidsLimit: resources.pids }),
        ...pulling.members,
        ...container.members,
      },
    },
    notes: [
      ...(build === undefined ? [] : [noteOfBuild(path, image)]),
      ...[container, mounts, published, health, policies, resources, pulling].flatMap(({ notes }) => notes),
    ],
  };
}

/** A run of it ends; how often it is tried is its own policy. */
function jobOf({ replicas, restart: _restart, update: _update, job, ...members }: Tree): Tree {
  return {
    ...members,
    mode: 'job',
    ...(replicas === undefined ? defined({ job }) : { job: { completions: replicas } }),
  };
}

const toLabels = (labels: unknown) =>
  Object.fromEntries(Object.entries(toMap(labels)).map(([name, value]) => [name, value ?? '']));

const noteOfBuild = (path: string, image: unknown): Note => ({
  field: `${path}.build`,
  why:
    image === undefined
      ? 'images are not built here: image names one that the nodes can pull'
      : `images are not built here: the nodes pull ${image}`,
  isEssential: image === undefined,
});

const pulls: Readonly<Record<string, string>> = {
  ...{ always: 'always', never: 'never', missing: 'missing', if_not_present: 'missing' },
};

function toPull(path: string, pull: unknown): { members: Tree; notes: Note[] } {
  if (pull === undefined) return { members: {}, notes: [] };
  const known = pulls[String(pull)];
  if (known !== undefined) return { members: { pull: known }, notes: [] };
  return {
    members: {},
    notes: [{ field: `${path}.pull_policy`, why: `${pull} is none of always, missing and never`, isEssential: false }],
  };
}

/** Members that a container has under another name, or in another form. */
function toContainerOptions(path: string, raw: Tree): { members: Tree; notes: Note[] } {
  const { user, working_dir: workdir, init, read_only: readOnly, cap_add: capAdd, cap_drop: capDrop, ...more } = raw;
  const {
    stop_signal: stopSignal,
    stop_grace_period: grace,
    hostname,
    shm_size: shm,
    devices,
    logging,
    ...others
  } = more;
  const { dns, dns_search: search, dns_opt: resolver, ulimits, sysctls, extra_hosts: hosts, ...rest } = others;
  const log = toLogging(path, logging);
  const resolving = defined({
    servers: dns === undefined ? undefined : toList(dns),
    search: search === undefined ? undefined : toList(search),
    options: resolver,
  });
  return {
    members: {
      ...defined({ user, workdir, init, readOnly, capAdd, capDrop, stopSignal, hostname }),
      ...(grace === undefined ? {} : { stopTimeoutSeconds: toSeconds(`${path}.stop_grace_period`, grace) }),
      ...(shm === undefined ? {} : { shmSizeBytes: parseBytes(`${path}.shm_size`, String(shm)) }),
      ...(Object.keys(resolving).length === 0 ? {} : { dns: resolving }),
      ...(isTree(ulimits) ? { ulimits: toUlimits(`${path}.ulimits`, ulimits) } : {}),
      ...(sysctls === undefined ? {} : { sysctls: toMap(sysctls) }),
      ...(hosts === undefined ? {} : { extraHosts: toHosts(hosts) }),
      ...(devices === undefined ? {} : { devices: toList(devices).map(toDevice) }),
      ...log.members,
    },
    notes: [...log.notes, ...notesOfService(path, rest)],
  };
}

/** A device has the same path in the container; another one is refused by the manager, which names it. */
const toDevice = (device: unknown): string => {
  const text = isTree(device) ? `${device.source}:${device.target ?? device.source}` : String(device);
  const [source, target] = text.split(':');
  return target === undefined || target === source ? source! : text;
};

const toUlimits = (path: string, ulimits: Tree): Tree =>
  Object.fromEntries(
    Object.entries(ulimits).map(([name, limit]) => {
      const both = isTree(limit) ? limit : { soft: limit, hard: limit };
      const field = `${path}.${name}`;
      return [name, { soft: toNumber(field, both.soft), hard: toNumber(field, both.hard) }];
    }),
  );

/** `host:address` or `host=address` in a list; a map has several addresses at times, of which the first counts. */
function toHosts(hosts: unknown): Record<string, string> {
  if (isTree(hosts)) {
    return Object.fromEntries(Object.entries(hosts).map(([host, address]) => [host, String(toList(address)[0])]));
  }
  return Object.fromEntries(
    toList(hosts).map((entry) => {
      const [, host, address] = /^([^=:]+)[=:](.+)$/.exec(String(entry)) ?? [];
      return [host ?? String(entry), address ?? ''];
    }),
  );
}

function toLogging(path: string, logging: unknown): { members: Tree; notes: Note[] } {
  if (!isTree(logging)) return { members: {}, notes: [] };
  const { driver, options, ...rest } = logging;
  const { 'max-size': size, 'max-file': files, ...others } = isTree(options) ? options : {};
  const field = `${path}.logging`;
  const members = defined({
    driver,
    maxSizeBytes: size === undefined ? undefined : parseBytes(`${field}.options.max-size`, String(size)),
    maxFiles: files === undefined ? undefined : toNumber(`${field}.options.max-file`, files),
  });
  const why = 'logs are files of a bounded size, of the drivers json-file and local, or none';
  return {
    members: Object.keys(members).length === 0 ? {} : { logging: members },
    notes: [...notesOfRest(field, rest, why), ...notesOfRest(`${field}.options`, others, why)],
  };
}
