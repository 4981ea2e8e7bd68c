/** What each option becomes for Docker. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { toHostOptions, toToplevelOptions } from '../../../../src/agent/docker/docker-options.ts';
import type { ContainerOptions } from '../../../../src/model/container-options.ts';

const test = suite('docker options');

test('capabilities: few by default; what is added stays, what is dropped goes, and nothing is left of all', () => {
  const capabilities = (options: ContainerOptions) => {
    const { CapAdd, CapDrop } = toHostOptions(options);
    return { CapAdd, CapDrop };
  };
  assert.equal(capabilities({}), {
    CapAdd: undefined,
    CapDrop: ['AUDIT_WRITE', 'MKNOD', 'NET_RAW', 'SETFCAP', 'SYS_CHROOT'],
  });
  assert.equal(capabilities({ capAdd: ['IPC_LOCK', 'NET_RAW'], capDrop: ['CHOWN', 'MKNOD'] }), {
    CapAdd: ['IPC_LOCK', 'NET_RAW'],
    CapDrop: ['AUDIT_WRITE', 'CHOWN', 'MKNOD', 'SETFCAP', 'SYS_CHROOT'],
  });
  assert.equal(capabilities({ capAdd: ['CHOWN'], capDrop: ['ALL', 'KILL'] }), { CapAdd: ['CHOWN'], CapDrop: ['ALL'] });
});

test('a tmpfs runs nothing and makes no device', () => {
  const { Tmpfs } = toHostOptions({ tmpfs: [{ path: '/tmp', sizeBytes: 4_096, mode: '0700' }] });
  assert.equal(Tmpfs, { '/tmp': 'rw,noexec,nosuid,nodev,size=4096,mode=0700' });
});

test('a bind is a mount, which makes no folder on the host', () => {
  const { Mounts, Binds } = toHostOptions({ binds: [{ source: '/srv', target: '/data', readOnly: true }] });
  assert.equal(Mounts, [
    { Type: 'bind', Source: '/srv', Target: '/data', ReadOnly: true, BindOptions: { Propagation: 'rprivate' } },
  ]);
  assert.is(Binds, undefined);
});

test('logs: two files by default, a driver that compresses one file does not, none keeps nothing', () => {
  const logging = (value: ContainerOptions) => toHostOptions(value).LogConfig;
  assert.equal(logging({}), { Type: 'json-file', Config: { 'max-size': '10000000', 'max-file': '2' } });
  assert.equal(logging({ logging: { driver: 'local', maxSizeBytes: 5, maxFiles: 1 } }), {
    Type: 'local',
    Config: { 'max-size': '5', 'max-file': '1', compress: 'false' },
  });
  assert.equal(logging({ logging: { driver: 'none' } }), { Type: 'none', Config: {} });
});

test('the rest is named as Docker names it', () => {
  assert.equal(toToplevelOptions({ user: '1', workdir: '/w', stopSignal: 'SIGINT', hostname: 'h' }), {
    ...{ User: '1', WorkingDir: '/w', StopSignal: 'SIGINT', Hostname: 'h' },
  });
  assert.equal(toToplevelOptions({}), {});
  const host = toHostOptions({
    ...{ init: false, readOnly: true, pidsLimit: 16, shmSizeBytes: 4_096, devices: ['/dev/fuse'] },
    sysctls: [{ name: 'kernel.sem', value: '1 2 3 4' }],
    ulimits: [{ name: 'core', soft: -1, hard: -1 }],
    extraHosts: [{ name: 'six', address: 'fd00::1' }],
    dns: { servers: ['10.0.0.1'], search: ['a.b'], options: ['rotate'] },
  });
  assert.is(host.Init, false);
  assert.equal([host.ReadonlyRootfs, host.PidsLimit, host.ShmSize], [true, 16, 4_096]);
  assert.equal(host.Devices, [{ PathOnHost: '/dev/fuse', PathInContainer: '/dev/fuse', CgroupPermissions: 'rw' }]);
  assert.equal(host.Sysctls, { 'kernel.sem': '1 2 3 4' });
  assert.equal(host.Ulimits, [{ Name: 'core', Soft: -1, Hard: -1 }]);
  assert.equal(host.ExtraHosts, ['six:fd00::1']);
  assert.equal([host.Dns, host.DnsSearch, host.DnsOptions], [['10.0.0.1'], ['a.b'], ['rotate']]);
});

test.run();
