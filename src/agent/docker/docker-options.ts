/** Maps the options of a container to those of Docker. Pure. What is absent in a spec is the default here, and nowhere else. */

import type Docker from 'dockerode';
import {
  type ContainerOptions,
  droppedCapabilities,
  type Logging,
  loggingDefault,
  optionDefaults,
} from '../../model/container-options.ts';

type ToplevelOptions = Pick<Docker.ContainerCreateOptions, 'User' | 'WorkingDir' | 'StopSignal' | 'Hostname'>;

/** Beside the host's configuration. */
export function toToplevelOptions({ user, workdir, stopSignal, hostname }: ContainerOptions): ToplevelOptions {
  return {
    ...(user === undefined ? {} : { User: user }),
    ...(workdir === undefined ? {} : { WorkingDir: workdir }),
    ...(stopSignal === undefined ? {} : { StopSignal: stopSignal }),
    ...(hostname === undefined ? {} : { Hostname: hostname }),
  };
}

export function toHostOptions(spec: ContainerOptions): Docker.HostConfig {
  const { init, readOnly, pidsLimit, sysctls, ulimits, extraHosts, shmSizeBytes, devices } = spec;
  return {
    PidsLimit: pidsLimit ?? optionDefaults.pidsLimit,
    // Forwards SIGTERM and reaps: a shell as process 1 would ignore it and be killed after the whole stop time.
    Init: init ?? optionDefaults.init,
    ...(readOnly ? { ReadonlyRootfs: true } : {}),
    ...capabilitiesOf(spec),
    ...mountsOf(spec),
    ...(sysctls ? { Sysctls: Object.fromEntries(sysctls.map(({ name, value }) => [name, value])) } : {}),
    ...(ulimits ? { Ulimits: ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })) } : {}),
    ...(extraHosts ? { ExtraHosts: extraHosts.map(({ name, address }) => `${name}:${address}`) } : {}),
    ...(shmSizeBytes === undefined ? {} : { ShmSize: shmSizeBytes }),
    ...dnsOf(spec),
    ...(devices ? { Devices: devices.map(toDevice) } : {}),
    LogConfig: toLogConfig(spec.logging ?? loggingDefault),
  };
}

/** What is dropped by default is kept where the spec adds it; all of it goes where the spec drops all. */
function capabilitiesOf({ capAdd = [], capDrop = [] }: ContainerOptions): Docker.HostConfig {
  const dropped = capDrop.includes('ALL')
    ? ['ALL']
    : [...new Set([...droppedCapabilities, ...capDrop])].filter((name) => !capAdd.some((added) => added === name));
  return { CapDrop: dropped.sort(), ...(capAdd.length === 0 ? {} : { CapAdd: [...capAdd] }) };
}

/** A mount, unlike a bind of Docker, fails where its source is not there instead of making a folder of root. */
function mountsOf({ tmpfs, binds }: ContainerOptions): Docker.HostConfig {
  return {
    ...(tmpfs ? { Tmpfs: Object.fromEntries(tmpfs.map((mount) => [mount.path, describeTmpfs(mount)])) } : {}),
    ...(binds ? { Mounts: binds.map(toMount) } : {}),
  };
}

const describeTmpfs = ({ sizeBytes, mode }: NonNullable<ContainerOptions['tmpfs']>[number]) =>
  `rw,noexec,nosuid,nodev,size=${sizeBytes},mode=${mode}`;

const toMount = ({ source, target, readOnly }: NonNullable<ContainerOptions['binds']>[number]) => ({
  ...{ Type: 'bind' as const, Source: source, Target: target, ReadOnly: readOnly },
  // What is mounted on either side later stays on that side.
  BindOptions: { Propagation: 'rprivate' as const },
});

/** Read and written, not made. */
const toDevice = (path: string) => ({ PathOnHost: path, PathInContainer: path, CgroupPermissions: 'rw' });

function dnsOf({ dns }: ContainerOptions): Docker.HostConfig {
  if (!dns) return {};
  return { Dns: dns.servers, DnsSearch: dns.search, DnsOptions: dns.options };
}

function toLogConfig(logging: Logging): Docker.HostConfig['LogConfig'] {
  if (logging.driver === 'none') return { Type: 'none', Config: {} };
  const { driver, maxSizeBytes, maxFiles } = logging;
  // The driver `local` compresses what it turns over, and refuses to where nothing is.
  const compress: Record<string, string> = driver === 'local' && maxFiles === 1 ? { compress: 'false' } : {};
  return { Type: driver, Config: { 'max-size': String(maxSizeBytes), 'max-file': String(maxFiles), ...compress } };
}
