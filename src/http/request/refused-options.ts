/** What no container gets, by name, each with the reason: why a request for it is refused. */

/** Members of a container in a request: rules, as a refusal ends. */
const refusedMembers: Readonly<Record<string, string>> = {
  privileged: 'is refused: it gives a container the whole machine; ask for the capability, bind or device it needs',
  network: 'is refused: containers are on the bridge network of their node, and ports is how they are reached',
  networkMode:
    'is refused: in the network of the host a container reaches what listens on its loopback; ports publishes',
  pid: 'is refused: with the processes of the host a container could see and end them',
  pidMode: 'is refused: with the processes of the host a container could see and end them',
  ipc: 'is refused: with the memory of the host a container could read what others share; shmSizeBytes is its own',
  ipcMode: 'is refused: with the memory of the host a container could read what others share; shmSizeBytes is its own',
  userns: 'is refused: how users are mapped is the setting of the engine; user says who a container runs as',
  usernsMode: 'is refused: how users are mapped is the setting of the engine; user says who a container runs as',
  uts: 'is refused: with the names of the host a container could change them; hostname is its own',
  cgroupParent:
    'is refused: beside the cgroup of its engine a container would escape limits; resources and pidsLimit set them',
  securityOpt: 'is refused: it turns off what confines a container; no-new-privileges is always on',
  runtime: 'is refused: which runtime runs containers is the setting of the engine',
  volumesFrom: 'is refused: it names a container of an engine, and containers come and go',
  deviceCgroupRules: 'is refused: devices names each device',
  oomScoreAdj: 'is refused: it would have others ended in its place; resources.memoryBytes is its own limit',
};

export const refusalOfMember = (name: string): string | undefined =>
  Object.hasOwn(refusedMembers, name) ? refusedMembers[name] : undefined;

/** Capabilities of Linux that a spec cannot add. */
const refusedCapabilities: Readonly<Record<string, string>> = {
  ALL: 'is every one of them',
  AUDIT_CONTROL: 'changes what the kernel of the host records',
  AUDIT_READ: 'reads what the kernel of the host records',
  BLOCK_SUSPEND: 'keeps the host awake',
  BPF: 'loads programs into the kernel of the host',
  CHECKPOINT_RESTORE: 'changes ids of processes and reads their memory maps',
  DAC_READ_SEARCH: 'opens any file of the host by its handle',
  IPC_OWNER: 'reads shared memory of others',
  LEASE: 'holds up others who open a file',
  LINUX_IMMUTABLE: 'makes files that cannot be removed',
  MAC_ADMIN: 'changes the access policy of the host',
  MAC_OVERRIDE: 'gets around the access policy of the host',
  NET_ADMIN: 'changes interfaces, routes and packet filters',
  NET_BROADCAST: 'has no use',
  PERFMON: 'watches the kernel and other processes',
  SYSLOG: 'reads the log and the addresses of the kernel',
  SYS_ADMIN: 'is as good as root on the host',
  SYS_BOOT: 'restarts the host',
  SYS_MODULE: 'loads code into the kernel of the host',
  SYS_NICE: 'takes time from other containers',
  SYS_PACCT: 'writes the accounting of the host',
  SYS_PTRACE: 'reads and changes the memory of other processes',
  SYS_RAWIO: 'reads and writes memory and disks of the host',
  SYS_RESOURCE: 'exceeds limits that protect others',
  SYS_TIME: 'sets the clock of the host',
  SYS_TTY_CONFIG: 'takes over terminals of the host',
  WAKE_ALARM: 'wakes the host',
};

export const refusalOfCapability = (name: string): string =>
  Object.hasOwn(refusedCapabilities, name)
    ? `${name} ${refusedCapabilities[name]}`
    : `${name} is no capability of Linux`;
