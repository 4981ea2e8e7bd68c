/** Options of a container over HTTP: what is accepted is read back as it was sent, and each refusal names field, rule and reason. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sysctlNames, sysctls } from '../../../src/model/container-options.ts';
import { startApi, type TestApi } from '../../support/http/http.ts';
import { openMemoryLog } from '../../support/http/http-logs.ts';

const test = suite('container options over HTTP');
let api: TestApi;
/** Of each test another. */
let serviceName = '';
let tests = 0;

test.before(async () => {
  api = await startApi(await openMemoryLog());
});
test.before.each(() => {
  tests += 1;
  serviceName = `web-${tests}`;
});
test.after(async () => {
  await api.close();
  await api.log.close();
});

const post = (container: object) =>
  api.call('POST', '/service', {
    body: { services: [{ serviceName, replicas: 1, container: { name: 'web', image: 'web:1', ...container } }] },
  });
const patch = (container: object) => api.call('PATCH', `/service/${serviceName}`, { body: { container } });
const read = async () => (await api.call('GET', `/service/${serviceName}`)).body.container;
const storedSpec = () => api.projector.view.services.get(serviceName)!.spec;

const everything = {
  user: '1000:www-data',
  workdir: '/app',
  init: false,
  readOnly: true,
  tmpfs: [
    { path: '/run/app', sizeBytes: 4_096, mode: '0700' },
    { path: '/tmp', sizeBytes: 67_108_864, mode: '1777' },
  ],
  capAdd: ['IPC_LOCK', 'NET_RAW'],
  capDrop: ['ALL'],
  ulimits: { memlock: { soft: -1, hard: -1 }, nofile: { soft: 1_024, hard: 1_048_576 } },
  sysctls: Object.fromEntries(sysctlNames.map((name) => [name, Array(sysctls[name]).fill('1').join(' ')])),
  extraHosts: { 'db.internal': '10.0.0.5', six: 'fd00::1' },
  stopSignal: 'SIGQUIT',
  dns: { servers: ['10.0.0.53', '::1'], search: ['example.org'], options: ['ndots:2', 'rotate'] },
  hostname: 'web.internal',
  logging: { driver: 'local', maxSizeBytes: 1_000_000, maxFiles: 3 },
  pidsLimit: 64,
  shmSizeBytes: 1_048_576,
  binds: [{ source: '/srv/data', target: '/data', readOnly: true }],
  devices: ['/dev/fuse', '/dev/snd'],
  resources: { memoryBytes: 268_435_456, cpus: 1, reserve: { memoryBytes: 134_217_728, cpus: 0.5 } },
};

test('all of them are read as they were sent, and change nothing when sent again', async () => {
  const { status, text } = await post(everything);
  assert.is(status, 202, text);
  const container = await read();
  for (const [name, value] of Object.entries(everything)) assert.equal(container[name], value, name);
  const { body } = await post(container);
  assert.equal(body.services, [{ serviceName, generation: 1, changed: false }]);
});

test('what is sent in another form or order is the same spec', async () => {
  await post(everything);
  const { body, text } = await post({
    ...everything,
    tmpfs: [{ path: '/tmp' }, { path: '/run/app', sizeBytes: 4_096, mode: '700' }],
    capAdd: ['CAP_NET_RAW', 'CAP_IPC_LOCK', 'NET_RAW'],
    devices: ['/dev/snd', '/dev/fuse'],
    sysctls: { ...everything.sysctls, 'net.core.somaxconn': 1 },
  });
  assert.equal(body.services, [{ serviceName, generation: 1, changed: false }], text);
});

test('the defaults are the same spec as nothing', async () => {
  await post({});
  const plain = storedSpec();
  const { body } = await post({
    ...{ init: true, readOnly: false, pidsLimit: 4_096, resources: { reserve: { memoryBytes: null } } },
    ...{ tmpfs: [], capAdd: [], capDrop: [], ulimits: {}, sysctls: {}, extraHosts: {}, binds: [], devices: [] },
    dns: {},
    logging: { driver: 'json-file', maxFiles: 2 },
  });
  assert.equal(body.services, [{ serviceName, generation: 1, changed: false }]);
  assert.equal(storedSpec(), plain);
  assert.not('init' in plain || 'dns' in plain || 'logging' in plain || 'reserve' in plain.resources);
});

test('entrypoint is another name of command', async () => {
  await post({ entrypoint: ['/app'] });
  assert.equal((await read()).command, ['/app']);
  await patch({ entrypoint: ['/other'] });
  assert.equal((await read()).command, ['/other']);
  await patch({ entrypoint: null });
  assert.is((await read()).command, undefined);
});

test('limit is another way to write the limits', async () => {
  await post({ resources: { limit: { memoryBytes: 2 ** 28, cpus: 1 } } });
  assert.equal((await read()).resources, { memoryBytes: 2 ** 28, cpus: 1 });
  await patch({ resources: { limit: { cpus: null } } });
  assert.equal((await read()).resources, { memoryBytes: 2 ** 28 });
});

test('a patch merges maps by name, dns, logging and reserve by member, and replaces the rest', async () => {
  await post(everything);
  const { status, text } = await patch({
    ulimits: { memlock: null, core: { soft: 0, hard: 0 } },
    sysctls: { 'kernel.shmmax': '5' },
    extraHosts: { six: null },
    dns: { options: [] },
    logging: { maxFiles: 1 },
    resources: { reserve: { cpus: null } },
    tmpfs: [{ path: '/tmp' }],
    user: null,
    capAdd: null,
    init: null,
  });
  assert.is(status, 202, text);
  const container = await read();
  assert.equal(container.ulimits, { core: { soft: 0, hard: 0 }, nofile: everything.ulimits.nofile });
  assert.equal(container.sysctls, { ...everything.sysctls, 'kernel.shmmax': '5' });
  assert.equal(container.extraHosts, { 'db.internal': '10.0.0.5' });
  assert.equal(container.dns, { ...everything.dns, options: [] });
  assert.equal(container.logging, { ...everything.logging, maxFiles: 1 });
  assert.equal(container.resources.reserve, { memoryBytes: 134_217_728 });
  assert.equal(container.tmpfs, [everything.tmpfs[1]]);
  assert.equal([container.user, container.capAdd, container.init], [undefined, undefined, undefined]);
  assert.is(container.hostname, 'web.internal', 'what is left out stays');
});

test('null is the default again for every option', async () => {
  await post({});
  const plain = storedSpec();
  await post(everything);
  const { resources: _, ...options } = everything;
  const nulls = Object.fromEntries(Object.keys(options).map((name) => [name, null]));
  const { status, text } = await patch({ ...nulls, resources: { memoryBytes: null, cpus: null, reserve: null } });
  assert.is(status, 202, text);
  assert.equal(storedSpec(), plain);
});

test('a patch is held to the same rules', async () => {
  await post({ resources: { memoryBytes: 2 ** 28 }, capAdd: ['NET_RAW'], logging: { driver: 'none' } });
  for (const [container, field] of [
    [{ resources: { reserve: { memoryBytes: 2 ** 29 } } }, 'container.resources.reserve.memoryBytes'],
    [{ capDrop: ['NET_RAW'] }, 'container.capAdd'],
    [{ logging: { maxFiles: 3 } }, 'container.logging.maxFiles'],
    [{ command: ['a'], entrypoint: ['b'] }, 'container.entrypoint'],
  ] as const) {
    const { status, body } = await patch(container);
    assert.equal([status, body.code, body.errors[0].field], [422, 'body_contradictory', field]);
  }
});

type Case = [container: object, code: string, field: string, rule: RegExp];
const invalid = (container: object, field: string, rule: RegExp): Case => [container, 'body_invalid', field, rule];
const refused = (container: object, field: string, rule: RegExp): Case => [container, 'option_refused', field, rule];
const contradictory = (container: object, field: string, rule: RegExp): Case => [
  ...([container, 'body_contradictory', field, rule] as const),
];

const reasons = (
  [
    ['privileged', true, /whole machine/],
    ['network', 'host', /bridge network/],
    ['networkMode', 'host', /loopback/],
    ['pid', 'host', /end them/],
    ['ipc', 'host', /memory of the host/],
    ['userns', 'host', /setting of the engine/],
    ['cgroupParent', '/x', /limits/],
    ['securityOpt', ['seccomp=unconfined'], /no-new-privileges/],
    ['runtime', 'other', /setting of the engine/],
    ['volumesFrom', ['other'], /containers come and go/],
  ] as const
).map(([name, value, rule]) => invalid({ [name]: value }, name, rule));

const cases: Case[] = [
  ...reasons,
  invalid({ user: '' }, 'user', /user name or id/),
  invalid({ user: 'a b' }, 'user', /user name or id/),
  invalid({ user: '2147483648' }, 'user', /user name or id/),
  invalid({ user: '1:2:3' }, 'user', /user name or id/),
  invalid({ workdir: 'app' }, 'workdir', /absolute path/),
  invalid({ workdir: '/app/../etc' }, 'workdir', /without empty parts/),
  contradictory({ command: ['a'], entrypoint: ['b'] }, 'entrypoint', /another name of command/),
  ...['/', '/proc', '/sys/fs', '/dev', '/dev/shm', 'tmp', '/a/./b', '/a//b', '/tmp/'].map((path) =>
    invalid({ tmpfs: [{ path }] }, 'tmpfs[0].path', /absolute path .*\/proc, \/sys or \/dev/),
  ),
  invalid({ tmpfs: [{ path: '/tmp', mode: '4755' }] }, 'tmpfs[0].mode', /octal/),
  invalid({ tmpfs: [{ path: '/tmp', exec: true }] }, 'tmpfs[0].exec', /not a known field/),
  contradictory({ tmpfs: [{ path: '/tmp' }, { path: '/tmp' }] }, 'tmpfs', /mounted already/),
  contradictory(
    { tmpfs: [{ path: '/data' }], binds: [{ source: '/srv', target: '/data' }] },
    'binds',
    /\/data, where something is mounted already/,
  ),
  refused({ capAdd: ['SYS_ADMIN'] }, 'capAdd', /as good as root/),
  refused({ capAdd: ['CAP_NET_ADMIN'] }, 'capAdd', /interfaces, routes/),
  refused({ capAdd: ['ALL'] }, 'capAdd', /every one of them/),
  refused({ capAdd: ['FLY'] }, 'capAdd', /FLY is no capability of Linux/),
  refused({ capDrop: ['SYS_ADMIN'] }, 'capDrop', /no container has SYS_ADMIN.*may have .*ALL/),
  contradictory({ capAdd: ['CHOWN'], capDrop: ['CHOWN'] }, 'capAdd', /CHOWN, which capDrop has/),
  invalid({ ulimits: { nice: { soft: 1, hard: 1 } } }, 'ulimits.nice', /not a known field/),
  invalid({ ulimits: { nofile: { soft: 1, hard: 1_048_577 } } }, 'ulimits.nofile.hard', /at most 1048576/),
  invalid({ ulimits: { nofile: { soft: -1, hard: -1 } } }, 'ulimits.nofile.soft', /at least 0/),
  invalid({ ulimits: { core: { soft: 1 } } }, 'ulimits.core.hard', /required/),
  contradictory({ ulimits: { core: { soft: 2, hard: 1 } } }, 'ulimits.core.soft', /at most hard, which is 1/),
  contradictory({ ulimits: { core: { soft: -1, hard: 1 } } }, 'ulimits.core.soft', /at most hard, which is 1/),
  invalid({ sysctls: { 'vm.swappiness': 1 } }, 'sysctls.vm.swappiness', /has for itself/),
  invalid({ sysctls: { 'net.core.somaxconn': 'many' } }, 'sysctls.net.core.somaxconn', /whole number/),
  refused({ sysctls: { 'kernel.sem': '1 2' } }, 'sysctls.kernel.sem', /4 numbers/),
  invalid({ stopSignal: 'SIGSTOP' }, 'stopSignal', /SIGTERM/),
  invalid({ extraHosts: { db: 'db.internal' } }, 'extraHosts.db', /IP address/),
  invalid({ extraHosts: { 'a b': '10.0.0.1' } }, 'extraHosts.a b', /host name/),
  invalid({ dns: { servers: ['1.1.1.1', '1.1.1.2', '1.1.1.3', '1.1.1.4'] } }, 'dns.servers', /at most 3/),
  invalid({ dns: { servers: ['ns1'] } }, 'dns.servers[0]', /IP address/),
  invalid({ hostname: 'a_b' }, 'hostname', /host name/),
  invalid({ hostname: 'a'.repeat(64) }, 'hostname', /63|host name/),
  invalid({ logging: { driver: 'syslog' } }, 'logging.driver', /json-file, local or none/),
  invalid({ logging: { options: {} } }, 'logging.options', /not a known field/),
  contradictory({ logging: { driver: 'none', maxFiles: 2 } }, 'logging.maxFiles', /driver none/),
  invalid({ pidsLimit: 15 }, 'pidsLimit', /at least 16/),
  invalid({ pidsLimit: 4_097 }, 'pidsLimit', /at most 4096/),
  invalid({ shmSizeBytes: 1 }, 'shmSizeBytes', /at least 4096/),
  invalid({ binds: [{ source: '/srv/../etc', target: '/x' }] }, 'binds[0].source', /absolute path/),
  invalid({ binds: [{ source: '/srv', target: '/proc/x' }] }, 'binds[0].target', /absolute path/),
  invalid({ devices: ['/etc/passwd'] }, 'devices[0]', /below \/dev/),
  invalid({ devices: ['/dev/../etc'] }, 'devices[0]', /below \/dev/),
  contradictory(
    { resources: { memoryBytes: 2 ** 28, reserve: { memoryBytes: 2 ** 29 } } },
    'resources.reserve.memoryBytes',
    /at most the limit, which is 268435456/,
  ),
  contradictory({ resources: { cpus: 1, reserve: { cpus: 2 } } }, 'resources.reserve.cpus', /limit, which is 1$/),
  contradictory({ resources: { cpus: 1, limit: { cpus: 1 } } }, 'resources.limit.cpus', /both are the limit/),
];

for (const [container, code, field, rule] of cases) {
  test(`refused: ${JSON.stringify(container).slice(0, 90)}`, async () => {
    const { status, body } = await post(container);
    assert.is(status, code === 'body_invalid' ? 400 : 422, body.detail);
    assert.is(body.code, code);
    assert.is(body.errors[0].field, `services[0].container.${field}`);
    assert.match(body.errors[0].rule, rule);
  });
}

test.run();
