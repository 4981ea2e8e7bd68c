/** What becomes of a service of a compose file, and what is named because nothing does. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { mergeTrees, type Tree } from '../../../../src/cli/compose/merge.ts';
import { toService } from '../../../../src/cli/compose/service.ts';
import { startGroups } from '../../../../src/cli/compose/start-order.ts';
import { toArguments, toSeconds } from '../../../../src/cli/compose/values.ts';

const test = suite('compose services');
const convert = (raw: Tree, more: Partial<Parameters<typeof toService>[2]> = {}) =>
  toService('web', { image: 'nginx', ...raw }, { environment: {}, isJob: false, ...more });
const container = (raw: Tree) => convert(raw).request.container;
const notes = (raw: Tree) => convert(raw).notes.map(({ field, isEssential }) => `${isEssential ? '!' : ''}${field}`);

test('the members of a container have their places', () => {
  const { request, notes } = convert(
    {
      ...{ command: 'nginx -g "daemon off;"', entrypoint: ['/entry', '--x'], labels: ['team=shop', 'bare'] },
      ...{ ports: ['80', '8080:80', '53:53/udp', '3000-3001:4000-4001', { target: 9, published: '90' }] },
      ...{
        user: '1000:1000',
        working_dir: '/srv',
        init: true,
        read_only: true,
        cap_drop: ['ALL'],
        stop_signal: 'SIGINT',
      },
      ...{ stop_grace_period: '1m30s', shm_size: '64m', dns: '1.1.1.1', dns_search: ['a.b'], hostname: 'web' },
      ...{
        tmpfs: '/run:size=1m,mode=700',
        volumes: ['/etc/app:/etc/app:ro', { type: 'tmpfs', target: '/t', tmpfs: { size: 4096 } }],
      },
      ...{ ulimits: { nofile: 1024, nproc: { soft: 1, hard: 2 } }, sysctls: ['net.core.somaxconn=9'] },
      ...{ extra_hosts: ['db:10.0.0.1', 'v6=::1'], devices: ['/dev/fuse:/dev/fuse'], pull_policy: 'if_not_present' },
      logging: { driver: 'json-file', options: { 'max-size': '1m', 'max-file': '3' } },
    },
    { environment: { A: '1' } },
  );
  assert.equal(notes, []);
  assert.equal(request, {
    serviceName: 'web',
    container: {
      ...{ image: 'nginx', command: ['/entry', '--x'], args: ['nginx', '-g', 'daemon off;'], env: { A: '1' } },
      labels: { team: 'shop', bare: '' },
      ports: [
        ...[{ container: 80 }, { container: 80, host: 8080 }, { container: 53, host: 53, protocol: 'udp' }],
        ...[
          { container: 4000, host: 3000 },
          { container: 4001, host: 3001 },
          { container: 9, host: 90 },
        ],
      ],
      binds: [{ source: '/etc/app', target: '/etc/app', readOnly: true }],
      tmpfs: [
        { path: '/run', sizeBytes: 2 ** 20, mode: '700' },
        { path: '/t', sizeBytes: 4096 },
      ],
      pull: 'missing',
      ...{ user: '1000:1000', workdir: '/srv', init: true, readOnly: true, capDrop: ['ALL'], stopSignal: 'SIGINT' },
      ...{ hostname: 'web', stopTimeoutSeconds: 90, shmSizeBytes: 2 ** 26 },
      dns: { servers: ['1.1.1.1'], search: ['a.b'] },
      ulimits: { nofile: { soft: 1024, hard: 1024 }, nproc: { soft: 1, hard: 2 } },
      sysctls: { 'net.core.somaxconn': '9' },
      extraHosts: { db: '10.0.0.1', v6: '::1' },
      devices: ['/dev/fuse'],
      logging: { driver: 'json-file', maxSizeBytes: 2 ** 20, maxFiles: 3 },
    },
  });
});

test('deploy says how many, where, and how they are updated and restarted', () => {
  const { request, notes } = convert({
    restart: 'on-failure:9',
    deploy: {
      ...{ mode: 'replicated', replicas: '3' },
      resources: { limits: { cpus: '0.5', memory: '256M', pids: 100 }, reservations: { memory: '128M' } },
      update_config: {
        ...{ parallelism: 2, delay: '10s', failure_action: 'rollback', monitor: '5s', max_failure_ratio: 0.25 },
        order: 'start-first',
      },
      restart_policy: { condition: 'any', delay: '2s', max_attempts: 5, window: '1m' },
      placement: {
        ...{ constraints: ['node.labels.zone == a'], preferences: [{ spread: 'node.labels.rack' }] },
        max_replicas_per_node: 1,
      },
    },
  });
  assert.equal(notes, []);
  const { container, ...policies } = request;
  assert.equal(container, {
    image: 'nginx',
    resources: { cpus: 0.5, memoryBytes: 2 ** 28, reserve: { memoryBytes: 2 ** 27 } },
    pidsLimit: 100,
  });
  assert.equal(policies, {
    ...{ serviceName: 'web', replicas: 3 },
    update: {
      ...{ parallelism: 2, delaySeconds: 10, minHealthySeconds: 5, maxFailures: '25%', onFailure: 'rollback' },
      order: 'start-first',
    },
    restart: { condition: 'always', delaySeconds: 2, maxAttempts: 5, windowSeconds: 60 },
    placement: { constraints: ['node.labels.zone == a'], spread: 'node.labels.rack', maxPerNode: 1 },
  });
  assert.equal(convert({ restart: 'no' }).request.restart, { condition: 'never' });
  assert.equal(convert({ scale: 4 }).request.replicas, 4);
  assert.is(convert({ deploy: { mode: 'global' } }).request.mode, 'global');
});

test('a check has each of its forms', () => {
  const health = (healthcheck: Tree) => convert({ healthcheck }).request.health;
  const times = { interval: '10s', timeout: '500ms', retries: 3, start_period: '1m' };
  assert.equal(health({ test: ['CMD', 'true'], ...times }), {
    ...{ command: ['true'], intervalSeconds: 10, timeoutSeconds: 1, retries: 3, startPeriodSeconds: 60 },
  });
  assert.equal(health({ test: 'curl -f localhost || exit 1' }), {
    command: ['sh', '-c', 'curl -f localhost || exit 1'],
  });
  assert.equal(health({ test: ['CMD-SHELL', 'true'] }), { command: ['sh', '-c', 'true'] });
  assert.is(health({ test: ['NONE'] }), 'none');
  assert.is(health({ disable: true }), 'none');
});

test('what another service waits for to end is a job', () => {
  const { request } = convert({ restart: 'no', deploy: { replicas: 2 } }, { isJob: true });
  assert.equal(request, { serviceName: 'web', mode: 'job', job: { completions: 2 }, container: { image: 'nginx' } });
});

test('what cannot be honoured is named, and whether it works without', () => {
  assert.equal(
    notes({
      ...{ networks: ['a'], expose: ['80'], container_name: 'x', tty: true, privileged: true, links: ['db'] },
      ...{ secrets: ['key'], build: '.', 'x-own': 1, security_opt: [], stdin_open: false },
    }).sort(),
    [
      ...['!services.web.links', '!services.web.privileged', '!services.web.secrets'],
      ...['services.web.build', 'services.web.container_name', 'services.web.expose', 'services.web.networks'],
      'services.web.tty',
    ],
  );
  assert.equal(notes({ image: undefined, build: '.' }), ['!services.web.build']);
  assert.equal(notes({ volumes: ['data:/var/lib', './here:/srv', '/only'] }), [
    ...['!services.web.volumes[0]', '!services.web.volumes[1]', '!services.web.volumes[2]'],
  ]);
  assert.equal(notes({ ports: ['127.0.0.1:8080:80'] }), ['!services.web.ports[0]']);
  assert.equal(notes({ healthcheck: { test: 'true', start_interval: '1s' } }), [
    'services.web.healthcheck.start_interval',
  ]);
  assert.equal(notes({ deploy: { labels: { a: 'b' }, endpoint_mode: 'vip', rollback_config: {} } }).length, 3);
  assert.equal(notes({ deploy: { mode: 'global-job' } }), ['!services.web.deploy.mode']);
  assert.equal(notes({ pull_policy: 'daily' }), ['services.web.pull_policy']);
  assert.equal(notes({ logging: { driver: 'local', options: { tag: 'x' } } }), ['services.web.logging.options.tag']);
});

test('a later file adds to lists, wins over values, and replaces commands', () => {
  const merged = mergeTrees(
    {
      ...{ image: 'a', command: ['x', 'y'], environment: ['A=1', 'B=2'], ports: ['80'], volumes: ['/a:/x', '/b:/y'] },
      ...{ deploy: { replicas: 1, resources: { limits: { cpus: '1' } } }, depends_on: ['db'] },
    },
    {
      ...{ image: 'b', command: 'z', environment: { B: 3, C: null }, ports: ['80', '81'], volumes: ['/c:/x'] },
      ...{ deploy: { replicas: 2 }, depends_on: { cache: { condition: 'service_healthy' } } },
    },
  );
  assert.equal(merged, {
    ...{ image: 'b', command: 'z', environment: { A: '1', B: '3', C: null }, ports: ['80', '81'] },
    ...{ volumes: ['/c:/x', '/b:/y'], deploy: { replicas: 2, resources: { limits: { cpus: '1' } } } },
    depends_on: { db: { condition: 'service_started' }, cache: { condition: 'service_healthy' } },
  });
});

test('services start after those they depend on, and a circle is refused', () => {
  const groups = startGroups(
    new Map([
      ['web', ['api', 'gone']],
      ['api', ['db']],
      ['db', []],
      ['cache', []],
    ]),
  );
  assert.equal(groups, [['db', 'cache'], ['api'], ['web']]);
  assert.throws(
    () =>
      startGroups(
        new Map([
          ['a', ['b']],
          ['b', ['a']],
        ]),
      ),
    /circle: a, b/,
  );
});

test('values have the forms of the specification', () => {
  assert.equal(
    ['1m30s', '0', '1h', '100ms'].map((text) => toSeconds('x', text)),
    [90, 0, 3_600, 1],
  );
  assert.throws(() => toSeconds('services.web.x', 'soon'), /services\.web\.x is a duration such as 1m30s, not "soon"/);
  assert.equal(toArguments('x', `sh -c 'echo "a b"' a\\ b "c \\"d\\"" e''f`), [
    'sh',
    '-c',
    'echo "a b"',
    'a b',
    'c "d"',
    'ef',
  ]);
  assert.throws(() => toArguments('x', `echo 'a`), /a quote that is not closed/);
  assert.throws(
    () => convert({ deploy: { replicas: 'many' } }),
    /services\.web\.deploy\.replicas is a number, not "many"/,
  );
  assert.throws(
    () => container({ mem_limit: 'much' }),
    /services\.web\.deploy\.resources\.limits\.memory takes a size/,
  );
  assert.throws(() => container({ ports: ['http'] }), /services\.web\.ports\[0\] is not a port/);
  assert.throws(() => container({ ports: ['1-2:1-3'] }), /as many ports on one side/);
});

test.run();
