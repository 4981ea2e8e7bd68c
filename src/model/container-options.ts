/**
 * What a container may ask of its engine beside image, ports and limits: the form in the log, the lists of what is
 * allowed, and the defaults. docs/decisions/0018-container-options.md says why these and no others.
 */

import { type Static, Type } from '@sinclair/typebox';
import { AbsolutePath, DevicePath, MountPath } from './host-paths.ts';

const strict = { additionalProperties: false } as const;

const literals = <const S extends string>(values: readonly S[]) =>
  Type.Union(values.map((value) => Type.Literal(value)));

/** What an engine gives a container by itself. */
export const engineCapabilities = [
  ...['AUDIT_WRITE', 'CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'MKNOD', 'NET_BIND_SERVICE'],
  ...['NET_RAW', 'SETFCAP', 'SETGID', 'SETPCAP', 'SETUID', 'SYS_CHROOT'],
] as const;

/** Of those the ones that few programs need: a container gets them only where its spec adds them. */
export const droppedCapabilities = ['AUDIT_WRITE', 'MKNOD', 'NET_RAW', 'SETFCAP', 'SYS_CHROOT'] as const;

export const addableCapabilities = [...engineCapabilities, 'IPC_LOCK'] as const;
export const droppableCapabilities = [...engineCapabilities, 'ALL'] as const;

/** Not `nice`, `rtprio` and `rttime`: they give a process the time of others. */
export const ulimitNames = [
  ...['core', 'cpu', 'data', 'fsize', 'locks', 'memlock', 'msgqueue', 'nofile', 'nproc', 'rss', 'sigpending', 'stack'],
] as const;
export type UlimitName = (typeof ulimitNames)[number];

/** As far as kernels go without a change of their own (`fs.nr_open`). */
export const nofileMax = 1_048_576;
/** As a limit: none. */
export const unlimited = -1;

/**
 * Settings that a container has for itself, each with how many numbers it takes. Every one was set in a container on the
 * bridge network (Docker 20.10, Linux 6.18). Those of the host as a whole, as `vm.*`, are not here.
 */
export const sysctls = {
  'fs.mqueue.msg_default': 1,
  'fs.mqueue.msg_max': 1,
  'fs.mqueue.msgsize_default': 1,
  'fs.mqueue.msgsize_max': 1,
  'fs.mqueue.queues_max': 1,
  'kernel.msgmax': 1,
  'kernel.msgmnb': 1,
  'kernel.msgmni': 1,
  'kernel.sem': 4,
  'kernel.shm_rmid_forced': 1,
  'kernel.shmall': 1,
  'kernel.shmmax': 1,
  'kernel.shmmni': 1,
  'net.core.somaxconn': 1,
  'net.ipv4.ip_local_port_range': 2,
  'net.ipv4.ip_unprivileged_port_start': 1,
  'net.ipv4.ping_group_range': 2,
  'net.ipv4.tcp_ecn': 1,
  'net.ipv4.tcp_fastopen': 1,
  'net.ipv4.tcp_fin_timeout': 1,
  'net.ipv4.tcp_keepalive_intvl': 1,
  'net.ipv4.tcp_keepalive_probes': 1,
  'net.ipv4.tcp_keepalive_time': 1,
  'net.ipv4.tcp_max_syn_backlog': 1,
  'net.ipv4.tcp_max_tw_buckets': 1,
  'net.ipv4.tcp_mtu_probing': 1,
  'net.ipv4.tcp_notsent_lowat': 1,
  'net.ipv4.tcp_retries1': 1,
  'net.ipv4.tcp_retries2': 1,
  'net.ipv4.tcp_rmem': 3,
  'net.ipv4.tcp_slow_start_after_idle': 1,
  'net.ipv4.tcp_syn_retries': 1,
  'net.ipv4.tcp_synack_retries': 1,
  'net.ipv4.tcp_syncookies': 1,
  'net.ipv4.tcp_tw_reuse': 1,
  'net.ipv4.tcp_wmem': 3,
  'net.unix.max_dgram_qlen': 1,
} as const;
export type SysctlName = keyof typeof sysctls;
export const sysctlNames = Object.keys(sysctls) as SysctlName[];

/** What a program may take as the request to end. */
export const stopSignals = [
  ...['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGABRT', 'SIGKILL'],
] as const;

/** Both keep files on the node, of bounded size. */
export const fileLogDrivers = ['json-file', 'local'] as const;

const Logging = Type.Union([
  Type.Object(
    {
      driver: literals(fileLogDrivers),
      /** Of one file. */
      maxSizeBytes: Type.Integer({ minimum: 1 }),
      maxFiles: Type.Integer({ minimum: 1 }),
    },
    strict,
  ),
  /** Nothing is kept: the last lines of a failed container are empty. */
  Type.Object({ driver: Type.Literal('none') }, strict),
]);
export type Logging = Static<typeof Logging>;
export type FileLogging = Exclude<Logging, { driver: 'none' }>;

const Dns = Type.Object(
  {
    servers: Type.Array(Type.String({ maxLength: 45 })),
    search: Type.Array(Type.String({ maxLength: 253 })),
    options: Type.Array(Type.String({ maxLength: 64 })),
  },
  strict,
);
export type Dns = Static<typeof Dns>;

/** As stored: absent is the default, lists are sorted by what they are named by, but for those where the order means something. */
export const containerOptionMembers = {
  /** A name or a number, and after a colon the same of a group. Absent: the image's. */
  user: Type.Optional(Type.String({ minLength: 1, maxLength: 65 })),
  /** Absent: the image's. */
  workdir: Type.Optional(AbsolutePath),
  /** A first process that forwards signals and reaps. */
  init: Type.Optional(Type.Boolean()),
  /** The root file system cannot be written. */
  readOnly: Type.Optional(Type.Boolean()),
  tmpfs: Type.Optional(
    Type.Array(
      Type.Object(
        { path: MountPath, sizeBytes: Type.Integer({ minimum: 1 }), mode: Type.String({ pattern: '^[0-7]{4}$' }) },
        strict,
      ),
    ),
  ),
  capAdd: Type.Optional(Type.Array(literals(addableCapabilities))),
  capDrop: Type.Optional(Type.Array(literals(droppableCapabilities))),
  ulimits: Type.Optional(
    Type.Array(Type.Object({ name: literals(ulimitNames), soft: Type.Integer(), hard: Type.Integer() }, strict)),
  ),
  sysctls: Type.Optional(
    Type.Array(Type.Object({ name: literals(sysctlNames), value: Type.String({ maxLength: 128 }) }, strict)),
  ),
  /** Absent: the image's, or SIGTERM. */
  stopSignal: Type.Optional(literals(stopSignals)),
  extraHosts: Type.Optional(
    Type.Array(Type.Object({ name: Type.String({ maxLength: 253 }), address: Type.String({ maxLength: 45 }) }, strict)),
  ),
  /** In their order. */
  dns: Type.Optional(Dns),
  /** Absent: the engine's choice. */
  hostname: Type.Optional(Type.String({ minLength: 1, maxLength: 63 })),
  logging: Type.Optional(Logging),
  /** Processes and threads. */
  pidsLimit: Type.Optional(Type.Integer({ minimum: 1 })),
  /** Of /dev/shm. Absent: the engine's, 64 MiB. */
  shmSizeBytes: Type.Optional(Type.Integer({ minimum: 1 })),
  /** Folders of the host, where its owner allows them. */
  binds: Type.Optional(
    Type.Array(Type.Object({ source: AbsolutePath, target: MountPath, readOnly: Type.Boolean() }, strict)),
  ),
  /** Of the host, where its owner allows them. */
  devices: Type.Optional(Type.Array(DevicePath)),
};
const ContainerOptions = Type.Object(containerOptionMembers, strict);
export type ContainerOptions = Static<typeof ContainerOptions>;
export type OptionName = keyof ContainerOptions;
export const optionNames = Object.keys(containerOptionMembers) as OptionName[];

export const tmpfsDefaults = { sizeBytes: 64 * 2 ** 20, mode: '1777' };

/** Two files of this size a container: its output cannot fill the disk. */
export const loggingDefault: FileLogging = Object.freeze({
  driver: 'json-file',
  maxSizeBytes: 10_000_000,
  maxFiles: 2,
});

/** Of a spec that says nothing. What is not here is the image's or the engine's own. */
export const optionDefaults = {
  init: true,
  readOnly: false,
  tmpfs: [],
  capAdd: [],
  capDrop: [],
  ulimits: [],
  sysctls: [],
  extraHosts: [],
  dns: { servers: [], search: [], options: [] },
  logging: loggingDefault,
  /** Room for any real service, an end for a fork bomb. */
  pidsLimit: 4_096,
  binds: [],
  devices: [],
} satisfies ContainerOptions;
