/** A Docker Engine that hangs: the node is heard and says so; what it ran is replaced after a while, and why tells the reason. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type DistributedCluster,
  openDistributedCluster,
  whyNoDistributedCluster,
} from '../support/cluster/distributed.ts';
import { dockerSocket } from '../support/servers/docker.ts';
import { type FaultProxy, openFaultProxy } from '../support/servers/fault-proxy.ts';
import { testImage as image } from '../support/servers/images.ts';
import { until } from '../support/wait.ts';

const test = suite('hung engine');
const whyNot = await whyNoDistributedCluster();
if (whyNot !== null) console.log(`skipped: ${whyNot}`);
const promise = (sentence: string, body: () => Promise<void>) =>
  whyNot === null ? test(sentence, body) : test.skip(sentence);

let cluster: DistributedCluster;
/** The way of worker-2 to its engine. */
let proxy: FaultProxy;

if (whyNot === null) {
  test.before(async () => {
    cluster = await openDistributedCluster(['worker-1', 'worker-2']);
    proxy = await openFaultProxy({ path: dockerSocket });
    await cluster.startManager('one');
    await cluster.startAgent('worker-1');
    const address = `tcp://${new URL(proxy.through('http://engine')).host}`;
    await cluster.startAgent('worker-2', '--docker', address, '--engine-timeout-ms', '8000');
    await cluster.apiOf('one').ask({ serviceName: 'web', replicas: 4, image });
    await cluster.apiOf('one').converged('web');
  });
  test.after(async () => {
    await cluster.close();
    await proxy.close();
  });
}

const nodeRow = async () => (await cluster.stateOf('one')).nodes.find(({ node }) => node === 'worker-2')!;
const typesOf = async () => (await cluster.apiOf('one').events('node=worker-2&class=fact')).map(({ type }) => type);

promise('a short silence is said and changes nothing else', async () => {
  const before = await cluster.running('web');
  proxy.stall();
  const startedMs = performance.now();
  await until('it is said', async () => (await nodeRow()).reason !== null, 10_000);
  assert.ok(performance.now() - startedMs < 6_000);
  assert.match((await nodeRow()).reason!, /^its engine has not answered since .*no answer within 3000 ms/);
  const [web] = (await cluster.stateOf('one')).services;
  assert.equal([web!.status, web!.unknown], ['degraded', 2]);
  await cluster.apiOf('one').ask({ serviceName: 'new', replicas: 2, image });
  await cluster.apiOf('one').converged('new');
  assert.ok((await cluster.running('new')).every(({ node }) => node === 'worker-1'));
  proxy.flow();
  await until('it answers', async () => (await nodeRow()).reason === null, 10_000);
  await cluster.apiOf('one').converged('web');
  assert.equal(
    (await cluster.running('web')).map(({ id }) => id),
    before.map(({ id }) => id),
  );
  assert.equal(
    (await typesOf()).filter((type) => /^(Node|Engine)/.test(type)),
    ['NodeRegistered', 'EngineLost', 'EngineReturned'],
  );
});

promise('a long one has its containers replaced, for that reason, and the node returns by itself', async () => {
  const [victim] = (await cluster.running('web')).filter(({ node }) => node === 'worker-2');
  proxy.stall();
  await until('the node is lost', async () => (await nodeRow()).state === 'lost', 20_000);
  await cluster.apiOf('one').converged('web', 20_000);
  const why = JSON.stringify(await cluster.apiOf('one').get(`/container/${victim!.container}/why`));
  assert.match(why, /its agent was heard, its engine did not answer any more/);
  proxy.flow();
  await until('it returns', async () => (await nodeRow()).state === 'ready', 20_000);
  await until('what was replaced is gone', async () => (await cluster.running('web')).length === 4, 20_000);
  assert.ok((await cluster.running('web')).every(({ container }) => container !== victim!.container));
});

test.run();
