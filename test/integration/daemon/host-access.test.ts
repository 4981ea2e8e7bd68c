/** What the owner of a machine allows, from the command line to where a container runs, is refused a place, or says why. */

import { mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startCluster } from '../../support/cluster/cluster.ts';
import { callApi } from '../../support/http/http.ts';
import { until } from '../../support/wait.ts';

const test = suite('host access');

test('binds and devices run where they are allowed, and wait with the reason where not', async () => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'co-access-')));
  const srv = join(folder, 'srv');
  await mkdir(srv);
  await symlink('/etc', join(srv, 'link'));
  const options = ['--allow-bind', srv, '--allow-bind', '/mnt', '--allow-device', '/dev/fuse'];
  const cluster = await startCluster(
    { dataDir: join(folder, 'data'), engine: 'simulated', socketPath: '/none', workers: 2 },
    options,
  );
  const statusOf = async (name: string) => (await callApi(cluster.url, 'GET', `/service/${name}`)).body;
  const request = (serviceName: string, container: object) =>
    callApi(cluster.url, 'POST', '/service', {
      body: { services: [{ serviceName, replicas: 1, container: { image: 'nginx', ...container } }] },
    });
  const bind = (source: string) => ({ binds: [{ source, target: '/data' }] });
  try {
    const { body } = await callApi(cluster.url, 'GET', '/node_state');
    for (const { hostAccess } of body.nodes) assert.equal(hostAccess, { binds: ['/mnt', srv], devices: ['/dev/fuse'] });

    await request('allowed', { ...bind(srv), devices: ['/dev/fuse'] });
    await until('it runs', async () => (await statusOf('allowed')).running === 1);
    await request('elsewhere', bind('/etc'));
    await until('it is blocked', async () => (await statusOf('elsewhere')).status === 'blocked');
    assert.match((await statusOf('elsewhere')).reason, /does not let containers bind \/etc \(2 nodes\)/);
    await request('device', { devices: ['/dev/sda'] });
    await until('it is blocked', async () => (await statusOf('device')).status === 'blocked');
    assert.match((await statusOf('device')).reason, /does not let containers use \/dev\/sda \(2 nodes\)/);

    await request('linked', bind(join(srv, 'link')));
    await until('the agent refuses it', async () =>
      /may not be bound.*link to \/etc/.test((await statusOf('linked')).reason),
    );
  } finally {
    await cluster.purge();
    await rm(folder, { recursive: true, force: true });
  }
});

test.run();
