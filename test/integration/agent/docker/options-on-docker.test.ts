/** Container options on a real Docker Engine: what a container finds inside, for each of them. */

import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createDockerEngine } from '../../../../src/agent/docker/docker-engine.ts';
import { systemClock } from '../../../../src/clock.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { sysctlNames, sysctls } from '../../../../src/model/container-options.ts';
import type { ContainerSpec } from '../../../../src/model/service.ts';
import { type AgentScene, createAgentScene, untilReported } from '../../../support/agent/agent-fixture.ts';
import { spec, specHashOf } from '../../../support/log/history.ts';
import { dockerSocket, openDocker, removeContainersOf, whyNoDocker } from '../../../support/servers/docker.ts';
import { testImage as image } from '../../../support/servers/images.ts';
import { until } from '../../../support/wait.ts';

const test = suite('container options on docker');
const whyNot = await whyNoDocker();
if (whyNot !== null) console.log(`skipped: ${whyNot}`);

const onDocker = whyNot === null ? test : test.skip;

/** Runs a script in a container with these options. @returns how it ended and what it printed, as Docker's own log has it */
async function run(script: string, members: Partial<ContainerSpec>): Promise<{ exitCode: number; lines: string[] }> {
  const scope = { clusterId: randomUUID(), clusterName: 'test', node: 'a' };
  const engine = createDockerEngine({ clock: systemClock, logger: silentLogger }, { scope, address: dockerSocket });
  const requested = spec({ image, command: ['sh', '-c', script], ...members });
  const container = 'web.1-a';
  try {
    const identity = { container, service: 'web', slot: 1, generation: 1, specHash: specHashOf(requested) };
    await engine.create({ ...identity, spec: requested, image, env: [] });
    await engine.start(container);
    await until('its end', async () => (await engine.inspect(container))?.state === 'exited');
    const { exitCode } = (await engine.inspect(container))!;
    return { exitCode: exitCode!, lines: await engine.logTail(container, 200, (text) => text) };
  } finally {
    await engine.close();
    await removeContainersOf(scope.clusterId);
  }
}

/** The bits of capabilities.h. */
const bits: Readonly<Record<string, number>> = {
  ...{ CHOWN: 0, DAC_OVERRIDE: 1, FOWNER: 3, FSETID: 4, KILL: 5, SETGID: 6, SETUID: 7, SETPCAP: 8 },
  ...{ NET_BIND_SERVICE: 10, NET_RAW: 13, IPC_LOCK: 14, SYS_CHROOT: 18, MKNOD: 27, AUDIT_WRITE: 29, SETFCAP: 31 },
};
const maskOf = (...names: string[]) =>
  names
    .reduce((mask, name) => mask + 2n ** BigInt(bits[name]!), 0n)
    .toString(16)
    .padStart(16, '0');
const keptByDefault = [
  ...['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'SETGID', 'SETUID', 'SETPCAP', 'NET_BIND_SERVICE'],
];

/** As /proc/self/status has them. */
async function capabilitiesOf(members: Partial<ContainerSpec>) {
  const { lines } = await run('cat /proc/self/status', members);
  const wordOf = (name: string) => lines.find((line) => line.startsWith(`${name}:`))?.split('\t')[1];
  return { effective: wordOf('CapEff'), bounding: wordOf('CapBnd') };
}

for (const [what, members, expected] of [
  ['few capabilities by default', {}, keptByDefault],
  ['one more where it is added', { capAdd: ['IPC_LOCK', 'NET_RAW'] }, [...keptByDefault, 'IPC_LOCK', 'NET_RAW']],
  ['none where all are dropped, but those that are added', { capAdd: ['CHOWN'], capDrop: ['ALL'] }, ['CHOWN']],
  ['one less where it is dropped', { capDrop: ['CHOWN'] }, keptByDefault.filter((name) => name !== 'CHOWN')],
] as const) {
  onDocker(`a container has ${what}`, async () => {
    const { effective, bounding } = await capabilitiesOf(members as unknown as Partial<ContainerSpec>);
    assert.equal([effective, bounding], [maskOf(...expected), maskOf(...expected)]);
  });
}

onDocker('another user than root has none that count', async () => {
  const { effective } = await capabilitiesOf({ user: '1000' });
  assert.is(effective, maskOf());
});

onDocker(
  'it runs as its user, in its folder, cannot write its root, and can write its tmpfs but run nothing there',
  async () => {
    const script = `id -u; id -g; echo $PWD
(echo x > /root-file) 2>/dev/null || echo read-only
echo x > /scratch/file && cat /scratch/file
cat /proc/self/mounts`;
    const { lines } = await run(script, {
      ...{ user: '1000:1001', workdir: '/work/here', readOnly: true },
      tmpfs: [{ path: '/scratch', sizeBytes: 1_048_576, mode: '1777' }],
    });
    assert.equal(lines.slice(0, 5), ['1000', '1001', '/work/here', 'read-only', 'x']);
    const mounted = lines.find((line) => line.includes(' /scratch ')) ?? '';
    for (const option of ['rw', 'noexec', 'nosuid', 'nodev', 'size=1024k']) {
      assert.ok(mounted.split(/[ ,]/).includes(option), `${mounted} has ${option}`);
    }
  },
);

onDocker('limits, names, hosts and resolver are as asked', async () => {
  const script = `cat /proc/sys/kernel/hostname
ulimit -Sn; ulimit -Hn; ulimit -Hl
cat /etc/hosts; cat /etc/resolv.conf
cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max 2>/dev/null
cat /proc/self/mounts`;
  const { lines } = await run(script, {
    hostname: 'web.internal',
    ulimits: [
      { name: 'memlock', soft: 65_536, hard: 65_536 },
      { name: 'nofile', soft: 100, hard: 200 },
    ],
    extraHosts: [
      { name: 'db', address: '10.0.0.5' },
      { name: 'six', address: 'fd00::1' },
    ],
    dns: { servers: ['10.0.0.53', '10.0.0.54'], search: ['example.org'], options: ['ndots:2'] },
    ...{ pidsLimit: 64, shmSizeBytes: 1_048_576 },
  });
  assert.equal(lines.slice(0, 4), ['web.internal', '100', '200', '64']);
  const has = (pattern: RegExp) =>
    assert.ok(
      lines.some((line) => pattern.test(line)),
      `${pattern}: ${lines.join('\n')}`,
    );
  for (const pattern of [
    ...[/^10\.0\.0\.5\tdb$/, /^fd00::1\tsix$/, /^nameserver 10\.0\.0\.53$/, /^nameserver 10\.0\.0\.54$/],
    ...[/^search example\.org$/, /^options ndots:2$/, /^64$/, / \/dev\/shm .*size=1024k/],
  ]) {
    has(pattern);
  }
});

/** A value that each of them takes and none has by itself; others than those here take 7. */
const sysctlValues: Readonly<Record<string, string>> = {
  'fs.mqueue.msgsize_default': '4096',
  'fs.mqueue.msgsize_max': '4096',
  'kernel.msgmax': '4096',
  'kernel.msgmnb': '4096',
  'kernel.sem': '251 32001 101 129',
  'kernel.shm_rmid_forced': '1',
  'net.ipv4.ip_local_port_range': '20000 60999',
  'net.ipv4.ip_unprivileged_port_start': '80',
  'net.ipv4.ping_group_range': '5 6',
  'net.ipv4.tcp_ecn': '1',
  'net.ipv4.tcp_mtu_probing': '1',
  'net.ipv4.tcp_rmem': '4097 131073 6291457',
  'net.ipv4.tcp_slow_start_after_idle': '0',
  'net.ipv4.tcp_syncookies': '2',
  'net.ipv4.tcp_tw_reuse': '1',
  'net.ipv4.tcp_wmem': '4097 16385 4194305',
};

onDocker('every setting that a spec may name is one that a container has for itself', async () => {
  const before = await Promise.all(sysctlNames.map((name) => readFile(fileOf(name), 'utf8').catch(() => null)));
  const wanted = sysctlNames.map((name) => ({ name, value: sysctlValues[name] ?? '7' }));
  for (const { name, value } of wanted) assert.is(value.split(' ').length, sysctls[name], name);
  const { lines } = await run(`cat ${sysctlNames.map(fileOf).join(' ')}`, { sysctls: wanted });
  assert.equal(
    lines.map((line, index) => `${sysctlNames[index]} = ${line.replaceAll(/\s+/g, ' ')}`),
    wanted.map(({ name, value }) => `${name} = ${value}`),
  );
  const after = await Promise.all(sysctlNames.map((name) => readFile(fileOf(name), 'utf8').catch(() => null)));
  assert.equal(after, before, 'those of the host stay');
});

const fileOf = (name: string) => `/proc/sys/${name.replaceAll('.', '/')}`;

onDocker('a stop sends the signal of the spec, also past the first process that forwards it', async () => {
  const scope = { clusterId: randomUUID(), clusterName: 'test', node: 'a' };
  const engine = createDockerEngine({ clock: systemClock, logger: silentLogger }, { scope, address: dockerSocket });
  const script = 'trap "echo quit; exit 3" QUIT; echo up; while true; do sleep 0.05; done';
  const container = 'web.1-a';
  try {
    for (const init of [true, false]) {
      const requested = spec({ image, command: ['sh', '-c', script], stopSignal: 'SIGQUIT', init });
      const identity = { container, service: 'web', slot: 1, generation: 1, specHash: specHashOf(requested) };
      await engine.create({ ...identity, spec: requested, image, env: [] });
      await engine.start(container);
      await until('its trap', async () => (await engine.logTail(container, 5, (text) => text)).includes('up'));
      await engine.stop(container, 10);
      assert.is((await engine.inspect(container))?.exitCode, 3);
      await engine.remove(container);
    }
  } finally {
    await engine.close();
    await removeContainersOf(scope.clusterId);
  }
});

for (const logging of [
  { driver: 'json-file', maxSizeBytes: 16_384, maxFiles: 1 },
  { driver: 'local', maxSizeBytes: 16_384, maxFiles: 1 },
  { driver: 'local', maxSizeBytes: 16_384, maxFiles: 3 },
] as const) {
  onDocker(`last lines are read from ${logging.driver}, ${logging.maxFiles}`, async () => {
    assert.equal(await run('echo one; exit 4', { logging }), { exitCode: 4, lines: ['one'] });
  });
}

onDocker('without a log the last lines are empty, and that is no error', async () => {
  assert.equal(await run('echo one; exit 4', { logging: { driver: 'none' } }), { exitCode: 4, lines: [] });
});

/** With an agent: it decides what of the machine a container may use. */
const scenario = (sentence: string, body: (scene: AgentScene, dir: string) => Promise<void>) =>
  onDocker(sentence, async () => {
    const dir = await realpath(await mkdtemp(join(tmpdir(), 'co-binds-')));
    const scene = createAgentScene({
      engineOf: (scope) =>
        createDockerEngine({ clock: systemClock, logger: silentLogger }, { scope, address: dockerSocket }),
    });
    try {
      await body(scene, dir);
    } finally {
      await scene.close();
      await removeContainersOf(scene.clusterId);
      await rm(dir, { recursive: true, force: true });
    }
  });

const binding = (script: string, source: string, readOnly: boolean): Partial<ContainerSpec> => ({
  ...{ image, command: ['sh', '-c', script], binds: [{ source, target: '/data', readOnly }] },
});

scenario('a folder that the owner allows is bound, writable or not', async ({ startAgent, manager }, dir) => {
  await mkdir(join(dir, 'data'));
  await writeFile(join(dir, 'data', 'in'), 'from the host\n');
  await startAgent({ hostAccess: { binds: [dir], devices: [] } });
  assert.equal(
    manager.reports.map((report) => report.kind === 'register' && report.hostAccess),
    [{ binds: [dir], devices: [] }],
  );
  const writes = await manager.queue(binding('cat /data/in; echo back > /data/out', join(dir, 'data'), false));
  assert.equal((await untilReported(manager, writes, 'completed')).logTail, ['from the host']);
  assert.is(await readFile(join(dir, 'data', 'out'), 'utf8'), 'back\n');
  const reads = await manager.queue(binding('echo x > /data/other || exit 5', join(dir, 'data'), true));
  assert.is((await untilReported(manager, reads, 'failed')).exitCode, 5);
});

scenario(
  'one that is not allowed, or leads out of it by a link, is not, and nothing is created',
  async (scene, dir) => {
    const { manager } = scene;
    await mkdir(join(dir, 'srv'));
    await mkdir(join(dir, 'private'));
    await symlink(join(dir, 'private'), join(dir, 'srv', 'link'));
    await scene.startAgent({ hostAccess: { binds: [join(dir, 'srv')], devices: [] } });
    for (const source of [join(dir, 'private'), join(dir, 'srv', 'link'), '/']) {
      const container = await manager.queue(binding('sleep 3600', source, true));
      const failed = await untilReported(manager, container, 'failed');
      assert.is(failed.reason, 'start error');
      assert.match(failed.message, /may not be bound on this node/);
    }
    assert.equal(await scene.engine.list(), []);
  },
);

scenario('a folder that is not there fails the start, and is not made', async ({ startAgent, manager }, dir) => {
  await startAgent({ hostAccess: { binds: [dir], devices: [] } });
  const container = await manager.queue(binding('true', join(dir, 'none'), false));
  assert.match((await untilReported(manager, container, 'failed')).message, /does not exist/);
  assert.is(await realpath(join(dir, 'none')).catch(() => null), null);
});

scenario('a device is there where the owner allows it, and refused where not', async ({ startAgent, manager }) => {
  await startAgent({ hostAccess: { binds: [], devices: ['/dev/kmsg'] } });
  const using = (device: string): Partial<ContainerSpec> => ({
    ...{ image, command: ['sh', '-c', `[ -c ${device} ] && echo there`], devices: [device] },
  });
  const allowed = await manager.queue(using('/dev/kmsg'));
  assert.equal((await untilReported(manager, allowed, 'completed')).logTail, ['there']);
  const refused = await manager.queue(using('/dev/mem'));
  assert.match((await untilReported(manager, refused, 'failed')).message, /\/dev\/mem is not allowed on this node/);
});

scenario('an ended container without a log is reported with no last lines', async ({ startAgent, manager }) => {
  await startAgent();
  const container = await manager.queue({
    ...{ image, command: ['sh', '-c', 'echo one; exit 4'], logging: { driver: 'none' } },
  });
  const { exitCode, logTail } = await untilReported(manager, container, 'failed');
  assert.equal([exitCode, logTail], [4, []]);
});

onDocker(
  'a user, a capability or a setting that an image or a kernel does not know is the reason of the failure',
  async () => {
    const failure = await run('true', { user: 'no-such-user' }).catch((error: unknown) => error);
    assert.match((failure as Error).message, /no-such-user/);
    assert.equal((await openDocker().listContainers({ filters: { name: ['web.1-a'] } })).length, 0);
  },
);

test.run();
