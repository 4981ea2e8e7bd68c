/** The options of `coctl run`, and the request they come to. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type SpecOptions, toServiceRequest } from '../../../../src/cli/sources/spec-options.ts';

const test = suite('options of a spec');
const request = (options: SpecOptions, args: string[] = []) => toServiceRequest('web', 'nginx', args, options);

test('without options there is a name and an image', () => {
  assert.equal(request({}), { serviceName: 'web', container: { image: 'nginx' } });
});

test('each option becomes its member', () => {
  assert.equal(
    request(
      {
        ...{ replicas: 3, mode: 'replicated', port: ['80', '8080:80', '53:53/udp'], env: ['A=1', 'B=', 'C=x=y'] },
        ...{ label: ['team=shop'], memory: '256m', cpus: '0.5', user: 'app', workdir: '/srv', pull: 'always' },
        ...{ bind: ['/data:/var/data:ro', '/tmp:/tmp'], healthHttp: '8080/healthz', restart: 'on-failure' },
      },
      ['-g', 'daemon off;'],
    ),
    {
      ...{ serviceName: 'web', mode: 'replicated', replicas: 3 },
      container: {
        ...{ image: 'nginx', args: ['-g', 'daemon off;'], env: { A: '1', B: '', C: 'x=y' }, labels: { team: 'shop' } },
        ports: [{ container: 80 }, { container: 80, host: 8080 }, { container: 53, host: 53, protocol: 'udp' }],
        resources: { memoryBytes: 268_435_456, cpus: 0.5 },
        ...{ user: 'app', workdir: '/srv' },
        binds: [
          { source: '/data', target: '/var/data', readOnly: true },
          { source: '/tmp', target: '/tmp' },
        ],
        pull: 'always',
      },
      health: { http: { path: '/healthz', port: 8080 } },
      restart: { condition: 'on-failure' },
    },
  );
});

test('where it runs, how it is updated and what it may do become their policies', () => {
  assert.equal(
    request({
      ...{ constraint: ['node.labels.zone==a', 'node.id != worker-1'], spread: 'zone', maxPerNode: '2' },
      ...{ strategy: 'spread', reserveMemory: '1g', reserveCpus: '0.25', cpus: '2' },
      ...{ updateOrder: 'stop-first', updateParallelism: '25%', updateDelay: '1m', updateFailureAction: 'rollback' },
      ...{ hostname: 'db', entrypoint: '/bin/server', init: true, readOnly: true },
      ...{ capAdd: ['net_raw'], capDrop: ['ALL'], tmpfs: ['/run', '/tmp:size=64m,mode=1777'] },
      ...{ stopSignal: 'SIGINT', stopTimeout: '30s' },
    }),
    {
      serviceName: 'web',
      container: {
        ...{ image: 'nginx', entrypoint: ['/bin/server'], hostname: 'db', init: true, readOnly: true },
        ...{
          resources: { cpus: 2, reserve: { memoryBytes: 2 ** 30, cpus: 0.25 } },
          capAdd: ['NET_RAW'],
          capDrop: ['ALL'],
        },
        tmpfs: [{ path: '/run' }, { path: '/tmp', sizeBytes: 2 ** 26, mode: '1777' }],
        ...{ stopSignal: 'SIGINT', stopTimeoutSeconds: 30 },
      },
      update: { order: 'stop-first', parallelism: '25%', delaySeconds: 60, onFailure: 'rollback' },
      placement: {
        ...{ constraints: ['node.labels.zone==a', 'node.id != worker-1'], spread: 'node.labels.zone' },
        ...{ maxPerNode: 2, strategy: 'spread' },
      },
    },
  );
});

test('what only a job has makes it a job', () => {
  assert.equal(request({ completions: '5', maxConcurrent: '2' }), {
    ...{ serviceName: 'web', mode: 'job', container: { image: 'nginx' } },
    job: { completions: 5, parallelism: 2 },
  });
  const { mode, schedule } = request({ schedule: '30 2 * * *', timeZone: 'Europe/Berlin' });
  assert.equal({ mode, schedule }, { mode: 'job', schedule: { cron: '30 2 * * *', timeZone: 'Europe/Berlin' } });
  assert.is(request({ schedule: '@daily', mode: 'global' }).mode, 'global', 'a manager refuses it');
});

test('replicas are spread by a label of nodes, or by another key of them', () => {
  const spread = (text: string) => (request({ spread: text }).placement as { spread: string }).spread;
  assert.equal(['rack', 'node.labels.zone', 'node.hostname', 'node.zone'].map(spread), [
    ...['node.labels.rack', 'node.labels.zone', 'node.hostname', 'node.labels.node.zone'],
  ]);
});

test('a check has its times', () => {
  const times = { healthInterval: '10s', healthTimeout: '3s', healthRetries: '5', healthStartPeriod: '1m' };
  assert.equal(request({ healthTcp: '80', ...times }).health, {
    ...{ tcp: { port: 80 }, intervalSeconds: 10, timeoutSeconds: 3, retries: 5, startPeriodSeconds: 60 },
  });
});

test('sizes are those of Docker', () => {
  const bytes = (memory: string) => (request({ memory }).container.resources as { memoryBytes: number }).memoryBytes;
  assert.equal(['64MiB', '1.5g', '1G', '8388608', '512kb'].map(bytes), [
    2 ** 26,
    1.5 * 2 ** 30,
    2 ** 30,
    2 ** 23,
    2 ** 19,
  ]);
});

test('each check has its form', () => {
  assert.equal(request({ healthCmd: 'test -e /ready' }).health, { command: ['sh', '-c', 'test -e /ready'] });
  assert.equal(request({ healthTcp: '5432' }).health, { tcp: { port: 5432 } });
  assert.equal(request({ healthHttp: '80' }).health, { http: { path: '/', port: 80 } });
});

for (const [options, words] of [
  [{ port: ['http'] }, /--port takes a port of the container such as 80/],
  [{ port: ['70000'] }, /--port takes ports from 1 to 65535, not "70000"/],
  [{ memory: 'much' }, /--memory takes a size such as 256m/],
  [{ cpus: '-1' }, /--cpus takes a number/],
  [{ env: ['A'] }, /--env takes NAME=VALUE, not "A"/],
  [{ bind: ['data:/data'] }, /--bind takes \/on\/the\/node/],
  [{ healthHttp: '/healthz' }, /--health-http takes a port and a path/],
  [{ healthCmd: 'true', healthTcp: '80' }, /a container has one check/],
  [{ healthInterval: '10s' }, /the times of a check need one: --health-cmd/],
  [{ constraint: ['zone=a'] }, /--constraint takes KEY==VALUE or KEY!=VALUE, .*, not "zone=a"/],
  [{ constraint: ['zone==a'] }, /--constraint takes KEY==VALUE/],
  [{ spread: 'a b' }, /--spread takes a label of nodes/],
  [{ maxPerNode: '0' }, /--max-per-node takes a whole number from 1, not "0"/],
  [{ completions: '' }, /--completions takes a whole number from 1, not ""/],
  [{ reserveMemory: 'some' }, /--reserve-memory takes a size/],
  [{ reserveCpus: '0' }, /--reserve-cpus takes a number/],
  [{ updateParallelism: 'half' }, /--update-parallelism takes a number or a share/],
  [{ updateDelay: '5' }, /--update-delay takes 30s/],
  [{ tmpfs: ['run'] }, /--tmpfs takes a path/],
  [{ tmpfs: ['/run:noexec'] }, /--tmpfs takes a path .*, not "\/run:noexec"/],
  [{ timeZone: 'UTC' }, /--time-zone is of --schedule/],
] as const) {
  test(`${JSON.stringify(options)} is refused by name`, () => {
    assert.throws(() => request(options as unknown as SpecOptions), words);
  });
}

test.run();
