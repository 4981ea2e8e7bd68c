/** `coctl node` takes nodes of a whole cluster out of service and back, and labels them. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Api, createApi } from '../../support/cluster/api.ts';
import { coctl } from '../../support/cluster/cli.ts';
import { type RunningCluster, startCluster } from '../../support/cluster/cluster.ts';

const test = suite('coctl node');
let folder: string;
let cluster: RunningCluster;
let api: Api;

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'co-node-'));
  cluster = await startCluster({ dataDir: folder, engine: 'simulated', socketPath: '', workers: 3 });
  api = createApi(cluster.url);
});
test.after(async () => {
  await cluster.purge();
  await rm(folder, { recursive: true });
});
test.after.each(async () => {
  await api.call('DELETE', '/service/web');
  await api.gone('web');
  for (const { node } of await api.nodes()) await api.call('POST', `/node/${node}/activate`);
});

const run = (...args: string[]) => coctl(args, { environment: { CO_URL: cluster.url } });

async function ranWeb(replicas: number): Promise<void> {
  await api.ask({ serviceName: 'web', replicas, image: 'nginx' });
  await api.converged('web');
}

test('drain waits until the node is empty, activate uses it again', async () => {
  await ranWeb(3);
  const { code, out, err } = await run('node', 'drain', 'worker-2');
  assert.is(code, 0, err);
  assert.is(out, 'worker-2 is draining\nworker-2 is empty\n');
  assert.equal(
    (await api.containers('web')).filter(({ node }) => node === 'worker-2'),
    [],
  );
  assert.match((await run('node', 'ls')).out, /^worker-2 +ready +draining +0 /m);
  assert.is((await run('node', 'activate', 'worker-2')).out, 'worker-2 is active\n');
  assert.match((await run('node', 'cordon', 'worker-1', 'worker-3')).out, /worker-1 is cordoned\nworker-3 is cordoned/);
  assert.match((await run('node', 'rm', 'worker-1')).err, /node_not_lost/);
  assert.match((await run('node', 'drain', 'worker-1', '--dry-run')).out, /nothing is changed/);
});

test('labels of a node are set and taken away, and decide where containers run', async () => {
  const set = await run('node', 'label', 'worker-3', 'zone=c', 'disk=ssd');
  assert.equal([set.code, set.out], [0, 'worker-3 has the labels disk=ssd, zone=c\n'], set.err);
  assert.match((await run('nodes', '-o', 'wide')).out, /^worker-3 .* disk=ssd,zone=c /m);
  const { labels } = (await run('inspect', 'worker-3', '--json')).json();
  assert.equal(labels, [
    { name: 'disk', value: 'ssd' },
    { name: 'zone', value: 'c' },
  ]);
  assert.is((await run('run', 'web', 'nginx', '--constraint', 'node.labels.disk==ssd')).code, 0);
  assert.is((await api.containers('web'))[0]?.node, 'worker-3');

  const supposed = await run('node', 'label', 'worker-3', 'disk-', '--dry-run');
  assert.match(supposed.out, /^worker-3 would have the labels zone=c$/m, supposed.err);
  assert.match(supposed.out, /nothing is changed/);
  assert.match((await run('nodes', '-o', 'wide')).out, /^worker-3 .* disk=ssd,zone=c /m);

  const changed = (await run('node', 'label', 'worker-3', 'zone=d', 'disk-', '--json')).json();
  assert.equal(changed.nodes, [{ node: 'worker-3', labels: [{ name: 'zone', value: 'd' }] }]);
  const emptied = await run('node', 'label', 'worker-3', 'zone-');
  assert.is(emptied.out, 'worker-3 has no labels but those of its agent\n');
  assert.is((await run('node', 'label', 'worker-9', 'zone=a')).code, 1);
});

test('containers that have no place to go are named when the time is over', async () => {
  await ranWeb(3);
  await run('node', 'cordon', 'worker-1', 'worker-3');
  const { code, err } = await run('node', 'drain', 'worker-2', '--timeout', '1s');
  assert.is(code, 4, err);
  assert.match(err, /worker-2 is not empty within 1 s: web\.\d-\w+ still there/);
});

for (const [line, words] of [
  ['node drain Worker', /"Worker" is not the name of a node/],
  ['node label worker-1 zone', /"zone" is no label: zone=a sets one, zone- takes it away/],
  ['node label worker-1 -- -a=b', /must be a name of at most 63 letters/],
] as const) {
  test(`coctl ${line} is wrong usage, and says why`, async () => {
    const { code, err } = await run(...line.split(' '));
    assert.is(code, 2, err);
    assert.match(err, words);
  });
}

test.run();
