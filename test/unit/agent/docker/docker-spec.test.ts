import type Docker from 'dockerode';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  isOfScope,
  knownPorts,
  readIdentity,
  readInspection,
  readState,
  toCreateBody,
  toCreateOptions,
} from '../../../../src/agent/docker/docker-spec.ts';
import type { RunRequest } from '../../../../src/agent/engine/engine.ts';
import { clusterId, spec } from '../../../support/log/history.ts';

const test = suite('docker spec');

const scope = { clusterId, clusterName: 'test', node: 'worker-1' };

const request = (members: Parameters<typeof spec>[0] = {}, env: RunRequest['env'] = []): RunRequest => ({
  ...{ container: 'web.2-1a', service: 'web', slot: 2, generation: 7, specHash: '0123456789abcdef' },
  spec: spec(members),
  image: spec(members).image,
  env,
});

const labelsWritten = toCreateBody(request(), scope).Labels!;

test('the name carries the cluster, and alone goes into the address of the request', () => {
  assert.equal(toCreateOptions(request(), scope)._query, { name: 'co-111111-web.2-1a' });
});

test('labels written are read back as the same identity', () => {
  assert.equal(readIdentity(labelsWritten), {
    ...{ container: 'web.2-1a', service: 'web', slot: 2, generation: 7, specHash: '0123456789abcdef' },
    replaces: null,
  });
});

test('what the agent started by itself names the run before it', () => {
  const { Labels } = toCreateBody({ ...request(), container: 'web.2-1a.1', replaces: 'web.2-1a' }, scope);
  assert.is(Labels!['co.replaces'], 'web.2-1a');
  assert.is(readIdentity(Labels!)!.replaces, 'web.2-1a');
  assert.is(readIdentity({ ...Labels, 'co.replaces': 'no id' }), null);
});

test('our labels win over those of the spec', () => {
  const { Labels } = toCreateBody(
    request({
      labels: [
        { name: 'co.node', value: 'x' },
        { name: 'tier', value: 'a' },
      ],
    }),
    scope,
  );
  assert.is(Labels?.['co.node'], 'worker-1');
  assert.is(Labels?.tier, 'a');
});

for (const [label, value] of [
  ['co.container', 'no container id'],
  ['co.service', ''],
  ['co.slot', '0'],
  ['co.slot', '1.5'],
  ['co.generation', 'x'],
  ['co.spec-hash', '<script>'],
] as const) {
  test(`a container whose ${label} is ${JSON.stringify(value)} is not one of ours`, () => {
    assert.is(readIdentity({ ...labelsWritten, [label]: value }), null);
  });
}

test('only the own cluster and node are in scope', () => {
  assert.ok(isOfScope(labelsWritten, scope));
  assert.not(isOfScope(labelsWritten, { ...scope, node: 'worker-2' }));
  assert.not(isOfScope(labelsWritten, { ...scope, clusterId: clusterId.replace('1', '2') }));
  assert.not(isOfScope(null, scope));
});

test('a container learns who it is; the spec may say otherwise', () => {
  const { Env } = toCreateBody(
    request({}, [
      { name: 'CO_SLOT', value: 'mine' },
      { name: 'A', value: 'b=c' },
    ]),
    scope,
  );
  assert.equal(Env, ['CO_SERVICE=web', 'CO_SLOT=mine', 'CO_NODE=worker-1', 'CO_CONTAINER=web.2-1a', 'A=b=c']);
});

test('no container gets more of the machine than the spec can ask for', () => {
  const { HostConfig } = toCreateBody(request(), scope);
  assert.is(HostConfig?.Privileged, false);
  assert.is(HostConfig?.NetworkMode, 'bridge');
  assert.is(HostConfig?.PidsLimit, 4_096);
  assert.equal(HostConfig?.RestartPolicy, { Name: 'no', MaximumRetryCount: 0 });
  assert.equal(HostConfig?.SecurityOpt, ['no-new-privileges:true']);
  assert.equal(HostConfig?.CapDrop, ['AUDIT_WRITE', 'MKNOD', 'NET_RAW', 'SETFCAP', 'SYS_CHROOT']);
  assert.is(HostConfig?.Init, true);
  assert.equal(HostConfig?.LogConfig, { Type: 'json-file', Config: { 'max-size': '10000000', 'max-file': '2' } });
  for (const member of ['Binds', 'Mounts', 'CapAdd', 'Devices', 'PidMode', 'IpcMode', 'Tmpfs', 'Sysctls', 'Ulimits']) {
    assert.not(member in HostConfig!, member);
  }
});

test('limits are given in the units of Docker, and left out when there are none', () => {
  const { HostConfig } = toCreateBody(request({ resources: { memoryBytes: 2 ** 25, cpuMillis: 250 } }), scope);
  assert.is(HostConfig?.Memory, 2 ** 25);
  assert.is(HostConfig?.MemorySwap, 2 ** 25);
  assert.is(HostConfig?.NanoCpus, 250_000_000);
  const without = toCreateBody(request(), scope).HostConfig!;
  assert.not('Memory' in without || 'NanoCpus' in without);
});

const tcp = (container: number, host: number | null) => ({ container, host, protocol: 'tcp' as const });

test('ports are bound as asked; what is free to choose is left to the engine and not known before', () => {
  const free = request({ ports: [tcp(80, null), tcp(443, 8443)] });
  assert.equal(toCreateBody(free, scope).HostConfig?.PortBindings, {
    '80/tcp': [{ HostPort: '' }],
    '443/tcp': [{ HostPort: '8443' }],
  });
  assert.is(knownPorts(free), null);
  assert.equal(knownPorts(request({ ports: [tcp(443, 8443), tcp(80, 8080)] })), [tcp(80, 8080), tcp(443, 8443)]);
  assert.equal(knownPorts(request()), []);
});

test('states of Docker are ours', () => {
  for (const [status, state] of [
    ['created', 'created'],
    ['running', 'running'],
    ['paused', 'running'],
    ['restarting', 'running'],
    ['exited', 'exited'],
    ['dead', 'exited'],
    ['removing', null],
  ] as const) {
    assert.is(readState(status), state, status);
  }
});

test('an inspection is read: end, times, each published port once', () => {
  const inspection = {
    Id: 'abc',
    Config: { Labels: labelsWritten, Image: `nginx@sha256:${'a'.repeat(64)}` },
    State: { Status: 'exited', ExitCode: 137, OOMKilled: true, StartedAt: '2026-01-01T00:00:00.123456789Z', Error: '' },
    NetworkSettings: { Ports: { '80/tcp': [{ HostPort: '49153' }, { HostPort: '49153' }], '53/udp': null } },
  } as unknown as Docker.ContainerInspectInfo;
  const found = readInspection(inspection);
  assert.is(found?.exitCode, 137);
  assert.is(found?.oomKilled, true);
  assert.is(found?.startedAt, '2026-01-01T00:00:00.123Z');
  assert.equal(found?.ports, [tcp(80, 49153)]);
  Object.assign(inspection.State, { Status: 'created', StartedAt: '0001-01-01T00:00:00Z' });
  assert.is(readInspection(inspection)?.startedAt, null);
  assert.is(readInspection(inspection)?.exitCode, null);
});

test.run();
