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
] as const) {
  test(`${JSON.stringify(options)} is refused by name`, () => {
    assert.throws(() => request(options as unknown as SpecOptions), words);
  });
}

test.run();
